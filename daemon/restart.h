/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RESTART_H
#define RTMEM_DAEMON_RESTART_H

/* What follows the end of a process: pure arithmetic over the policy and what happened before. */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/state.h"
#include "libpolicy/policy.h"

enum exit_cause {
	EXIT_CAUSE_CLEAN, /* status 0, nobody asked */
	EXIT_CAUSE_FAILURE, /* other status, a signal, or not known */
	EXIT_CAUSE_ASKED, /* we were told to stop it */
	EXIT_CAUSE_VIOLATION, /* on_violation: restart or stop */
	EXIT_CAUSE_NO_LAUNCH, /* the plan can't work on this machine: trying again won't help */
};

/** Restarts in the present window, which opens with the first of them. */
struct restart_history {
	uint64_t opened_usec;
	uint32_t n_restarts;
};

/** again: somebody wants it started after this end (restart, or violation: restart).
 *  Counts a restart of its own accord; those that people ask for are free. */
enum process_event restart_decide(const struct restart_policy *policy, enum exit_cause cause,
	bool again, uint64_t now_usec, struct restart_history *history);

#endif
