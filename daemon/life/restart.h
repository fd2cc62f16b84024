/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RESTART_H
#define RTMEM_DAEMON_RESTART_H

/* What follows the end of a process: pure arithmetic over the policy and what happened before. */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/life/state.h"
#include "libpolicy/policy.h"

enum exit_cause {
	EXIT_CAUSE_CLEAN, /* status 0, nobody asked */
	EXIT_CAUSE_FAILURE, /* other status, a signal, or not known */
	EXIT_CAUSE_ASKED, /* we were told to stop it */
	EXIT_CAUSE_VIOLATION, /* on_violation: restart or stop */
	EXIT_CAUSE_TIMEOUT, /* ready.on_timeout: fail */
	EXIT_CAUSE_WATCHDOG, /* no sign of life in time */
	EXIT_CAUSE_NO_LAUNCH, /* the plan can't work on this machine: trying again won't help */
};

struct restart_history {
	uint64_t opened_usec; /* of the present window: its first restart */
	uint32_t n_restarts; /* in the present window */
	uint32_t n_row; /* restarts since a run last lasted longer than the window */
};

/** One end. */
struct ending {
	enum exit_cause cause;
	bool again; /* somebody wants it started after this end (a person, or violation: restart) */
	bool only_rest; /* nothing ran: what an earlier run had left was ended */
	uint64_t run_usec; /* how long it ran */
};

/** Would it be started again, leaving the limit aside? */
bool restart_is_wanted(const struct restart_policy *policy, const struct ending *e);
/** Counts a restart of its own accord; those that people ask for are free. */
enum process_event restart_decide(const struct restart_policy *policy, const struct ending *e,
	uint64_t now_usec, struct restart_history *history);

#endif
