/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_POLICIES_H
#define RTMEM_CTL_POLICIES_H

/* Policies as a verb wants them: from the directories of the command line or the usual ones. */
#include "ctl/ctl.h"
#include "libpolicy/diagnostic.h"
#include "libpolicy/set.h"

/** paths: NULL = the directories of the options. As policy_set_load(). */
int policies_read(const struct options *o, char *const *paths, struct policy_set **ret,
	struct diagnostics *d);

/** Says so, and returns status, when none of the directories of --config-dir exists; else 0. */
int policies_missing(const struct options *o, char *const *paths, int status);

/** Loads and prints problems to standard error. 0, or failed_status after saying why. */
int policies_load(
	const struct options *o, char *const *paths, struct policy_set **ret, int failed_status);

/** A process or a profile of this name, or NULL. */
const struct process_policy *policies_find(const struct policy_set *set, const char *name);

/** Says that there's no such process, and which there are; returns status. */
int policies_unknown(const struct policy_set *set, const char *name, int status);

#endif
