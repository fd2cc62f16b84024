/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_PENDING_H
#define RTMEM_DAEMON_PENDING_H

/*
 * A policy that waits for a new launch. Until then the process is judged by what it was launched under,
 * and by the new policy in all that a running process can follow.
 */
#include "daemon/life/process.h"
#include "libpolicy/difference.h"

struct pending {
	struct policy_set *set; /* owner of policy */
	const struct process_policy *policy; /* the newest */
	struct process_policy merged; /* what process::policy points at meanwhile */
	struct policy_differences differences; /* between the launch and the newest */
};

/** From now on p follows `policy` as far as d says that it can. 0 or -ENOMEM, and nothing has changed. */
int pending_set(struct process *p, struct policy_set *set, const struct process_policy *policy,
	const struct policy_differences *d);
/** The newest policy, whole: there's a new launch, or nothing waits any more. */
void pending_take(struct process *p);
/** Forgets what waits, without taking it. */
void pending_drop(struct process *p);
/** Calls fn with each key that waits; "launch" when it's not known which. */
void pending_each(
	const struct process *p, void (*fn)(const char *key, void *userdata), void *userdata);
/** Does anything wait for a restart? */
bool pending_any(const struct process *p);

#endif
