/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records without a living process: it had none, or it ended while no rtmemd was there. What was decided
 * then still holds; what nobody saw is decided now, as if it had just happened.
 */
#include "daemon/survive/missed.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "daemon/launch/launch.h"
#include "daemon/life/end.h"
#include "daemon/life/rest.h"
#include "daemon/log.h"
#include "daemon/survive/store.h"
#include "daemon/verdict/react.h"
#include "host/pidfd.h"

/* It never ran: what was to be launched is launched. */
static bool launch_was_lost(const struct record *record) {
	return record->state == PROCESS_STARTING && !record->begun && !record->have_report;
}

/* Ended while nobody was there. Descriptors that were kept tell how; else it's reckoned with the worse.
 * False: it's to be launched as if it hadn't run. */
bool missed_end(struct process *p, const struct record *record, const struct kept *kept) {
	char how[128];
	int status = 0;
	int error = kept->pidfd >= 0 ? pidfd_exit_status(kept->pidfd, &status) : -ESRCH;
	enum exit_cause cause = end_describe(error, status, how, sizeof(how));

	if (kept->pidfd >= 0)
		store_drop(p->name);
	if (launch_was_lost(record)) {
		log_process(p->name,
			"its launch was cut off when the former rtmemd ended, before the program ran");
		return false;
	}
	log_event(MESSAGE_ENDED, LOG_INFO, p->name, NULL, "pid %d ended meanwhile: %s",
		(int)record->pid, how);
	if (record->cause != EXIT_CAUSE_CLEAN)
		cause = record->cause > EXIT_CAUSE_NO_LAUNCH ? EXIT_CAUSE_FAILURE : record->cause;
	else if (error < 0 && p->policy->restart.when == RESTART_NO)
		return false; /* nobody can say that it was meant to end */
	else if (cause == EXIT_CAUSE_FAILURE)
		process_failure(p, "ended while no rtmemd ran: %s", how);
	p->state = record->state;
	p->session = record->pid;
	p->session_adopted = true;
	if (p->state == PROCESS_STOPPING && record->kill_at_usec > 0) {
		p->kill_at_usec = record->kill_at_usec;
		end_continue(p);
	}
	end_decide(p, cause, 0);
	return true;
}

static bool stay(struct process *p, const struct record *record) {
	if (record->waiting)
		return false;
	p->state = record->state;
	log_process(p->name, "%s, as before: `rtmemctl start %s` starts it",
		process_state_to_string(p->state), p->name);
	react_stopped(p);
	record_write_late(p);
	return true;
}

/* What failed for want of a plan is tried again, as is what has another one now. */
static bool stay_failed(struct process *p, const struct record *record) {
	char *reason = TAKE(p->failure);
	bool changed = record->plan_hash == 0 || launch_would_differ(p, record->plan_hash);

	if (changed) {
		free(reason);
		return false;
	}
	free(p->failure);
	p->failure = reason;
	return stay(p, record);
}

static bool go_on_waiting(struct process *p, const struct record *record) {
	p->state = PROCESS_BACKOFF;
	p->delay_until_usec = record->delay_until_usec;
	react_stopped(p);
	end_delay_continue(p);
	record_write_late(p);
	return true;
}

/* The main process was gone already, others of its tree weren't. */
static bool go_on_clearing(struct process *p, const struct record *record) {
	p->state = PROCESS_STOPPING;
	p->ending = (struct ending){ .cause = record->cause };
	p->session_adopted = true; /* of whom only the mark in their environment tells now */
	react_stopped(p);
	if (record->kill_at_usec == 0) { /* it was meant, not done */
		end_clear(p);
		return true;
	}
	p->kill_at_usec = record->kill_at_usec;
	end_continue(p);
	rest_await(p);
	return true;
}

static bool launch_again(struct process *p, const struct record *record) {
	log_process(
		p->name, "its launch was cut off when the former rtmemd ended, before it began");
	return false;
}

static bool (*const without_process[PROCESS_STATE_MAX])(
	struct process *p, const struct record *record) = {
	[PROCESS_STOPPED] = stay,
	[PROCESS_FAILED] = stay_failed,
	[PROCESS_BACKOFF] = go_on_waiting,
	[PROCESS_STARTING] = launch_again,
	[PROCESS_STOPPING] = go_on_clearing,
};

bool missed_nothing(struct process *p, const struct record *record) {
	p->session_adopted = true;
	return without_process[record->state] && without_process[record->state](p, record);
}
