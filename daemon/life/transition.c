/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line per change of state. Each state that is entered has a message id, a level and words of its
 * own; what an operator needs is at info, and what the next line says anyway (a start, whose pid comes
 * with "started"; a program that isn't ready yet) is at debug.
 */
#include "daemon/life/transition.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/bus/news.h"
#include "daemon/log.h"
#include "daemon/manager.h"

static void say_event(const struct process *p, enum process_event event, char *buf, size_t size) {
	snprintf(buf, size, "%s (%s)", process_state_to_string(p->state),
		process_event_to_string(event));
}

static void say_ready(const struct process *p, enum process_event event, char *buf, size_t size) {
	snprintf(buf, size, "ready (%s), pid %d", ready_when_to_string(p->policy->ready.when),
		p->run ? (int)p->run->pid : 0);
}

static void say_stopping(
	const struct process *p, enum process_event event, char *buf, size_t size) {
	static const char *const reasons[PROCESS_EVENT_MAX] = {
		[EVENT_STOP] = "asked to",
		[EVENT_RESTART] = "to be started again",
		[EVENT_TIMEOUT] = "not ready in time",
		[EVENT_VIOLATION] = "the policy's answer to a violation",
		[EVENT_WATCHDOG] = "no sign of life",
		[EVENT_REST] = "what its main process left behind",
	};
	const char *name = stop_signal_to_string(p->policy->stop.signal);
	char timeout[UNITS_TEXT_MAX];

	snprintf(buf, size, "stopping (%s): signal %s now, kill after %s",
		reasons[event] ? reasons[event] : process_event_to_string(event),
		event == EVENT_WATCHDOG ? "abrt" : name,
		format_duration(p->policy->stop.timeout_usec, timeout));
}

static void say_backoff(const struct process *p, enum process_event event, char *buf, size_t size) {
	const struct restart_policy *policy = &p->policy->restart;
	char delay[UNITS_TEXT_MAX], window[UNITS_TEXT_MAX];
	size_t n;

	n = (size_t)snprintf(buf, size, "starts again in %s",
		format_duration(restart_policy_delay(policy, p->history.n_row), delay));
	if (policy->limit > 0 && n < size)
		snprintf(buf + n, size - n, " (restart %u of at most %u within %s)",
			p->history.n_restarts, policy->limit,
			format_duration(policy->window_usec, window));
}

static void say_failed(const struct process *p, enum process_event event, char *buf, size_t size) {
	snprintf(buf, size, "failed: %s", p->failure ? p->failure : "no reason known");
}

static const struct {
	enum message message;
	int level;
	void (*say)(const struct process *p, enum process_event event, char *buf, size_t size);
} tellings[PROCESS_STATE_MAX] = {
	[PROCESS_STOPPED] = { MESSAGE_STOPPED, LOG_INFO, say_event },
	[PROCESS_STARTING] = { MESSAGE_STARTING, LOG_DEBUG, say_event },
	[PROCESS_PREPARING] = { MESSAGE_PREPARING, LOG_DEBUG, say_event },
	[PROCESS_RUNNING] = { MESSAGE_READY, LOG_INFO, say_ready },
	[PROCESS_STOPPING] = { MESSAGE_STOPPING, LOG_INFO, say_stopping },
	[PROCESS_BACKOFF] = { MESSAGE_BACKOFF, LOG_INFO, say_backoff },
	[PROCESS_FAILED] = { MESSAGE_FAILED, LOG_ERR, say_failed },
};

void transition_tell(struct process *p, enum process_state old, enum process_event event) {
	const struct log_transition fields = {
		.old = process_state_to_string(old),
		.new = process_state_to_string(p->state),
		.event = process_event_to_string(event),
		.wanted = wanted_to_string(p->wanted),
	};
	char text[512];

	if (old != p->state) {
		tellings[p->state].say(p, event, text, sizeof(text));
		log_transition(tellings[p->state].message, tellings[p->state].level, p->name,
			&fields, text);
	}
	news_state_changed(p, old, event);
}
