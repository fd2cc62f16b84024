/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_LIVE_H
#define RTMEM_DAEMON_LIVE_H

/* What of a changed policy is carried over to the process as it runs: limits, its OOM score, its cgroup. */
#include "daemon/life/process.h"
#include "libpolicy/difference.h"

#define LIVE_PROBLEM_MAX 384

/** Where the right to reach into the running process is missing, a difference that could be followed
 *  takes a new launch after all. Changes only `live` of the items. */
void live_restrict(const struct process *p, struct policy_differences *d);

/** Carries the live ones over, or, if dry, says what wouldn't work. problem: "" or sentences. */
void live_follow(struct process *p, const struct policy_differences *d,
	const struct process_policy *to, bool dry, char problem[static LIVE_PROBLEM_MAX]);

/** Is anything among them that the plan of a launch has, too? */
bool live_is_launched(const struct policy_differences *d);
/** Are values of its cgroup among those to follow? They're written once the policy is taken over. */
bool live_is_cgroup(const struct policy_differences *d);

#endif
