/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_LAUNCH_H
#define RTMEM_DAEMON_LAUNCH_H

/* facts -> plan -> sealed memfd -> posix_spawn of rtmem-exec -> counters -> go. */
#include "common/plan.h"
#include "daemon/life/process.h"

/** Launches p; a failure ends in end_reached(), with p->failure saying why. */
void launch_process(struct process *p);

/** The plan that p would be launched with now. 0 or -errno with p->failure set. */
int launch_make_plan(struct process *p, struct plan *ret);
/** Does pid still run rtmem-exec, of whatever release, and not the program? */
bool launch_is_helper(pid_t pid);
/** Would a launch now have another plan than the one with this hash? */
bool launch_would_differ(struct process *p, uint64_t hash);
/** Tells plans apart; the same policy on the same machine gives the same number. */
int launch_hash(const struct plan *plan, uint64_t *ret);

#endif
