/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restarting is a promise with a limit: at most `limit` times within `window`, so that a program that
 * can't work ends in `failed`, with a reason, instead of in a loop.
 */
#include "daemon/restart.h"

static bool wants_restart(const struct restart_policy *policy, enum exit_cause cause, bool again) {
	switch (cause) {
	case EXIT_CAUSE_CLEAN:
		return policy->when == RESTART_ALWAYS;
	case EXIT_CAUSE_FAILURE:
		return policy->when != RESTART_NO;
	case EXIT_CAUSE_VIOLATION:
		return again;
	case EXIT_CAUSE_ASKED:
	case EXIT_CAUSE_NO_LAUNCH:
		break;
	}
	return false;
}

/* Counts one more; false when that would be one too many. */
static bool within_limit(
	const struct restart_policy *policy, uint64_t now_usec, struct restart_history *history) {
	if (history->n_restarts == 0 || now_usec - history->opened_usec > policy->window_usec)
		*history = (struct restart_history){ .opened_usec = now_usec };
	if (policy->limit > 0 && history->n_restarts >= policy->limit)
		return false;
	history->n_restarts++;
	return true;
}

enum process_event restart_decide(const struct restart_policy *policy, enum exit_cause cause,
	bool again, uint64_t now_usec, struct restart_history *history) {
	if (cause == EXIT_CAUSE_ASKED)
		return again ? EVENT_EXIT_NOW : EVENT_EXIT_DONE;
	if (wants_restart(policy, cause, again))
		return within_limit(policy, now_usec, history) ? EVENT_EXIT_AGAIN
							       : EVENT_EXIT_FAILED;
	return cause == EXIT_CAUSE_CLEAN ? EVENT_EXIT_DONE : EVENT_EXIT_FAILED;
}
