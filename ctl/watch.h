/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_WATCH_H
#define RTMEM_CTL_WATCH_H

/* The same view again every second, and as soon as rtmemd tells of a change, in place, until q or ^C. */
#include <stdio.h>

#include "ctl/session.h"

typedef int (*show_fn)(
	struct session *session, const struct options *o, const char *name, FILE *out);

/** Calls show() again and again. Returns the last exit status of it. */
int watch(show_fn show, const struct options *o, const char *name);

#endif
