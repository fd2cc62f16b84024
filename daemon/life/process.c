/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lifetimes, and the one place where the state of a process changes: process_dispatch() looks the event
 * up in the table of state.c and calls the action that the cell names.
 */
#include "daemon/life/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/launch/cgroup.h"
#include "daemon/launch/launch.h"
#include "daemon/launch/output.h"
#include "daemon/life/end.h"
#include "daemon/life/order.h"
#include "daemon/life/ready.h"
#include "daemon/life/rest.h"
#include "daemon/life/transition.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/reload/pending.h"
#include "daemon/survive/record.h"
#include "daemon/verdict/react.h"

struct process *process_free(struct process *p) {
	if (!p)
		return NULL;
	sd_event_source_disable_unref(p->delay_timer);
	sd_event_source_disable_unref(p->kill_timer);
	rest_done(&p->rest);
	run_free(p->run);
	pending_drop(p);
	policy_set_unref(p->set);
	free(p->findings);
	free(p->notes);
	free(p->failure);
	free(p->cgroup.problem);
	if (p->name && p->manager)
		outputs_forget(p->manager->outputs, p->name);
	free(p->name);
	free(p);
	return NULL;
}

struct process *process_new(
	struct manager *m, struct policy_set *set, const struct process_policy *policy) {
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->manager = m;
	p->rest.fd = -1;
	p->name = strdup(policy->name);
	p->set = policy_set_ref(set);
	p->policy = policy;
	return p->name ? p : process_free(p);
}

int process_set_policy(
	struct process *p, struct policy_set *set, const struct process_policy *policy) {
	struct policy_set *old = p->set;
	bool other_timeout = p->policy->ready.timeout_usec != policy->ready.timeout_usec;

	p->set = policy_set_ref(set);
	p->policy = policy;
	pending_drop(p);
	policy_set_unref(old);
	outputs_set(p->manager->outputs, policy, NULL);
	if (other_timeout)
		ready_timeout_changed(p);
	return 0;
}

uint64_t process_now(const struct process *p) {
	uint64_t now = 0;

	(void)sd_event_now(p->manager->event, CLOCK_MONOTONIC, &now);
	return now;
}

bool process_is_decided(const struct process *p) {
	switch (p->state) {
	case PROCESS_STOPPED:
		return !p->waiting;
	case PROCESS_STARTING:
	case PROCESS_PREPARING:
		return p->run && p->run->late;
	case PROCESS_BACKOFF:
		return p->n_restarts > 0;
	default:
		return true;
	}
}

void process_failure(struct process *p, const char *format, ...) {
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		(void)make_printable(text);
	free(p->failure);
	p->failure = text;
}

struct run *run_free(struct run *r) {
	if (!r)
		return NULL;
	sd_event_source_disable_unref(r->exit_source);
	sd_event_source_disable_unref(r->report_source);
	sd_event_source_disable_unref(r->ready_timer);
	sd_event_source_disable_unref(r->poll_timer);
	sd_event_source_disable_unref(r->watchdog_timer);
	sd_event_source_disable_unref(r->collect_timer);
	faults_done(&r->faults);
	close_fd(r->pidfd);
	close_fd(r->report_fd);
	close_fd(r->status_fd);
	close_fd(r->statm_fd);
	free(r->injection_cause);
	free(r->failure);
	free(r->unready);
	free(r->progress);
	free(r->status_text);
	free(r->held);
	events_done(&r->events);
	seal_done(&r->seal);
	stacks_done(&r->stacks);
	children_done(&r->children);
	free(r->report);
	free(r->notes);
	free(r);
	return NULL;
}
DEFINE_CLEANUP(struct run *, run_free)

void run_note(struct run *r, const char *rule, const char *format, ...) {
	struct note *grown;
	va_list args;

	if (r->n_notes == NOTES_MAX)
		return;
	grown = realloc(r->notes, (r->n_notes + 1) * sizeof(*grown));
	if (!grown)
		return;
	r->notes = grown;
	snprintf(r->notes[r->n_notes].rule, sizeof(r->notes->rule), "%s", rule);
	va_start(args, format);
	vsnprintf(r->notes[r->n_notes].detail, sizeof(r->notes->detail), format, args);
	va_end(args);
	(void)make_printable(r->notes[r->n_notes].rule);
	(void)make_printable(r->notes[r->n_notes].detail);
	r->n_notes++;
}

/* The text is the last member, and mostly empty: without its room a report takes a quarter. */
int run_keep_report(struct run *r, const struct report *report) {
	size_t size = offsetof(struct report, text) + strlen(report->text) + 1;
	struct report *copy = malloc(size);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, report, size);
	free(r->report);
	r->report = copy;
	return 0;
}

void run_failure(struct run *r, const char *text) {
	if (r->failure)
		return;
	r->failure = strdup(text);
	if (r->failure)
		(void)make_printable(r->failure);
}

static int open_status(pid_t pid) {
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int run_new(struct process *p, pid_t pid, struct run **ret) {
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd < 0 ? -errno : run_new_with(p, pid, pidfd, ret);
}

int run_new_with(struct process *p, pid_t pid, int pidfd, struct run **ret) {
	_cleanup_close_ int owned = pidfd;
	CLEANUP(run_free_cleanup) struct run *r = calloc(1, sizeof(*r));
	struct fault_count unused;
	int k;

	if (!r)
		return -ENOMEM;
	r->pid = pid;
	r->began_usec = process_now(p);
	r->report_fd = r->status_fd = r->statm_fd = -1;
	r->pidfd = TAKE_FD(owned);
	r->status_fd = open_status(pid);
	if (r->status_fd < 0)
		return r->status_fd;
	k = process_stat_read(pid, 0, &unused, &r->start_ticks);
	if (k < 0)
		return k;
	k = end_watch(p, r);
	if (k < 0)
		return k;
	p->session = pid;
	p->session_adopted = false;
	*ret = TAKE(r);
	return 0;
}

static const enum exit_cause causes[PROCESS_EVENT_MAX] = {
	[EVENT_STOP] = EXIT_CAUSE_ASKED,
	[EVENT_RESTART] = EXIT_CAUSE_ASKED,
	[EVENT_TIMEOUT] = EXIT_CAUSE_TIMEOUT,
	[EVENT_VIOLATION] = EXIT_CAUSE_VIOLATION,
	[EVENT_WATCHDOG] = EXIT_CAUSE_WATCHDOG,
};

/* Why it ends, before anything is done for that: a next rtmemd may have to go on with it. */
static void note_cause(struct process *p, enum process_action action, enum process_event event) {
	enum exit_cause *cause = p->run ? &p->run->cause : &p->ending.cause;

	if (action == ACTION_TERMINATE || action == ACTION_ABORT)
		*cause = causes[event];
	else if (action == ACTION_ASKED)
		*cause = EXIT_CAUSE_ASKED;
}

/* Whether it waits: the record says so, too. */
static void note_waiting(struct process *p, enum process_action action) {
	if (action == ACTION_WAIT)
		p->waiting = true;
	else if (action == ACTION_NOT_WAIT || action == ACTION_LAUNCH || action == ACTION_CLEAR)
		p->waiting = false;
}

static void act_terminate(struct process *p, enum process_event event) {
	if (!p->run)
		return;
	end_begin(p, p->policy->stop.signal);
}

static void act_abort(struct process *p, enum process_event event) {
	if (!p->run)
		return;
	end_begin(p, SIGABRT);
}

static void act_clear(struct process *p, enum process_event event) {
	p->delay_timer = sd_event_source_disable_unref(p->delay_timer);
	end_clear(p);
}

static void act_launch(struct process *p, enum process_event event) {
	p->delay_timer = sd_event_source_disable_unref(p->delay_timer);
	pending_take(p);
	launch_process(p);
}

static void act_wait(struct process *p, enum process_event event) {
	char text[ORDER_TEXT_MAX];

	p->delay_timer = sd_event_source_disable_unref(p->delay_timer);
	p->compliance = COMPLIANCE_PENDING;
	log_event(MESSAGE_WAITING, LOG_INFO, p->name, NULL, "waits until ready: %s",
		order_describe(p, text));
}

static void act_not_wait(struct process *p, enum process_event event) {
	react_stopped(p);
}

static void act_prepare(struct process *p, enum process_event event) {
	ready_prepare(p);
}

static void act_ready(struct process *p, enum process_event event) {
	ready_reached(p);
}

static void act_delay(struct process *p, enum process_event event) {
	end_delay(p);
}

static void act_cancel_delay(struct process *p, enum process_event event) {
	p->delay_timer = sd_event_source_disable_unref(p->delay_timer);
}

static void (*const actions[PROCESS_ACTION_MAX])(struct process *p, enum process_event event) = {
	[ACTION_LAUNCH] = act_launch,
	[ACTION_WAIT] = act_wait,
	[ACTION_NOT_WAIT] = act_not_wait,
	[ACTION_PREPARE] = act_prepare,
	[ACTION_READY] = act_ready,
	[ACTION_TERMINATE] = act_terminate,
	[ACTION_ABORT] = act_abort,
	[ACTION_CLEAR] = act_clear,
	[ACTION_DELAY] = act_delay,
	[ACTION_CANCEL_DELAY] = act_cancel_delay,
};

static bool is_end(enum process_event event) {
	return event == EVENT_EXIT_DONE || event == EVENT_EXIT_AGAIN || event == EVENT_EXIT_NOW ||
		event == EVENT_EXIT_WAIT || event == EVENT_EXIT_FAILED;
}

void process_dispatch(struct process *p, enum process_event event) {
	struct transition t = state_transition(p->state, event);
	enum process_state old = p->state;

	if (t.action == ACTION_IGNORE)
		return;
	p->state = t.next;
	p->manager->changed = true;
	p->manager->refreshed_usec = 0; /* who asks now wants to know what came of it */
	transition_tell(p, old, event);
	order_schedule(p->manager);
	if (p->removed && !p->run && (is_end(event) || t.next == PROCESS_STOPPED)) {
		record_remove(p);
		manager_remove(p->manager, p);
		process_free(p);
		return;
	}
	note_cause(p, t.action, event);
	note_waiting(p, t.action);
	record_write_late(p); /* what is meant to be done, before it's done */
	if (actions[t.action])
		actions[t.action](p, event);
}

/* Of an earlier run, perhaps under an earlier rtmemd: a new one would run beside them. */
static bool has_leftovers(const struct process *p) {
	return !p->run && p->state != PROCESS_STOPPING &&
		(p->rest.behind || cgroup_populated(p) > 0);
}

void process_ask(struct process *p, enum process_event event, enum wanted_by by) {
	p->wanted = event == EVENT_STOP ? WANTED_STOPPED : WANTED_RUNNING;
	p->wanted_by = by;
	p->history = (struct restart_history){ .n_restarts = 0 };
	if (has_leftovers(p)) {
		p->ending = (struct ending){ .cause = EXIT_CAUSE_ASKED, .only_rest = true };
		event = EVENT_REST;
	} else if (event != EVENT_STOP && !p->run && p->state != PROCESS_STOPPING &&
		order_awaited(p, 0))
		event = EVENT_WAIT;
	process_dispatch(p, event);
}
