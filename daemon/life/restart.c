/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restarting is a promise with a limit: at most `limit` times within `window`, so that a program that
 * can't work ends in `failed`, with a reason, instead of in a loop. Each restart in a row waits twice as
 * long as the one before, so that a program that fails at once leaves the machine to others; a run that
 * lasted longer than the window ends the row.
 */
#include "daemon/life/restart.h"

bool restart_is_wanted(const struct restart_policy *policy, const struct ending *e) {
	switch (e->cause) {
	case EXIT_CAUSE_CLEAN:
		return policy->when == RESTART_ALWAYS;
	case EXIT_CAUSE_FAILURE:
	case EXIT_CAUSE_TIMEOUT:
	case EXIT_CAUSE_WATCHDOG:
		return policy->when != RESTART_NO;
	case EXIT_CAUSE_VIOLATION:
	case EXIT_CAUSE_ASKED:
		return e->again;
	case EXIT_CAUSE_NO_LAUNCH:
		break;
	}
	return false;
}

/* Counts one more; false when that would be one too many. */
static bool within_limit(const struct restart_policy *policy, uint64_t run_usec, uint64_t now_usec,
	struct restart_history *history) {
	if (history->n_restarts == 0 || now_usec - history->opened_usec > policy->window_usec) {
		history->opened_usec = now_usec;
		history->n_restarts = 0;
	}
	if (run_usec > policy->window_usec)
		history->n_row = 0;
	if (policy->limit > 0 && history->n_restarts >= policy->limit)
		return false;
	history->n_restarts++;
	if (history->n_row < UINT32_MAX)
		history->n_row++;
	return true;
}

enum process_event restart_decide(const struct restart_policy *policy, const struct ending *e,
	uint64_t now_usec, struct restart_history *history) {
	if (e->cause == EXIT_CAUSE_ASKED)
		return e->again ? EVENT_EXIT_NOW : EVENT_EXIT_DONE;
	if (restart_is_wanted(policy, e))
		return within_limit(policy, e->run_usec, now_usec, history) ? EVENT_EXIT_AGAIN
									    : EVENT_EXIT_FAILED;
	return e->cause == EXIT_CAUSE_CLEAN ? EVENT_EXIT_DONE : EVENT_EXIT_FAILED;
}
