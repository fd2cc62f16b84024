/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_CLIENT_H
#define RTMEM_CTL_CLIENT_H

/* Calls to rtmemd over its private socket. Each prints what went wrong, with the next step, and
 * returns an exit status; 0 = done. */
#include "ctl/ctl.h"

/** A method of no or one string argument that returns a document. argument may be NULL. */
int client_get(const struct options *o, const char *method, const char *argument, char **ret_text);
/** Reload(options) -> changed, document; with --dry-run and --restart. */
int client_apply(const struct options *o, bool *ret_changed, char **ret_text);
/** Try(usec) -> changed, document. */
int client_try(const struct options *o, uint64_t usec, bool *ret_changed, char **ret_text);
/** Rollback(force) -> document. */
int client_rollback(const struct options *o, bool force, char **ret_text);
/** Does something listen where rtmemd would? */
bool client_is_there(const struct options *o);
/** Start, Stop, Restart: a name, no result. */
int client_control(const struct options *o, const char *method, const char *name);

#endif
