/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When is a program ready? Three answers: it says so (notify), it shows it by standing still (settle),
 * or its execve is enough (exec). Whether a program that is late is worse than none is for on_timeout to
 * say: a finding, or a failure. The baseline of faults is taken at ready, not before.
 */
#include "daemon/life/ready.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/handoff.h"
#include "common/units.h"
#include "daemon/launch/launch.h"
#include "daemon/life/order.h"
#include "daemon/life/watchdog.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/survive/store.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/report.h"
#include "daemon/watch/sample.h"
#include "daemon/watch/slow.h"
#include "daemon/watch/witness.h"

#define POLL_MIN_USEC	50000u
#define SETTLE_READINGS 5 /* per settle time: enough to see a pause from a standstill */
#define TIMER_ACCURACY	5000u
#define EXTEND_MAX_USEC (3600ull * 1000000)

static void set_unready(struct process *p) {
	struct run *r = p->run;
	char text[160];

	if (r->lock_asked)
		snprintf(text, sizeof(text), "the second lock isn't done yet");
	else if (!r->begun)
		snprintf(text, sizeof(text),
			r->injection_wanted ? "the library hasn't reported"
					    : "the program hasn't been executed");
	else if (p->policy->ready.when == READY_NOTIFY)
		snprintf(text, sizeof(text), "no READY=1 from the main process (pid %d)",
			(int)r->pid);
	else
		(void)settle_describe(&r->settle, text, sizeof(text));
	free(r->unready);
	r->unready = strdup(text);
}

/* Ready, but balanced locks once more before anything is judged. */
static void ready_now(struct process *p) {
	struct run *r = p->run;
	int k;

	r->poll_timer = sd_event_source_disable_unref(r->poll_timer);
	if (p->policy->memory.lock == LOCK_BALANCED && r->report && !r->lock_asked) {
		k = report_send_byte(p, HANDOFF_LOCK);
		if (k == 0) {
			r->lock_asked = true;
			return;
		}
		run_note(r, "lock", "the lock at ready couldn't be asked for: %s", strerror(-k));
	}
	process_dispatch(p, EVENT_READY);
}

static int read_settling(const struct process *p, struct settle_reading *ret) {
	const struct run *r = p->run;
	struct process_memory memory = { 0 };
	struct fault_count faults = { 0 };
	int k = process_memory_read(r->status_fd, &memory);

	if (k == 0)
		k = faults_read(&r->faults, &faults);
	if (k < 0)
		return k;
	*ret = (struct settle_reading){
		.faults = faults.minor + faults.major,
		.size_bytes = memory.size_bytes,
		.rss_bytes = memory.rss_bytes,
		.n_threads = memory.n_threads,
	};
	return 0;
}

/* May free nothing, but may change the state. */
static void look(struct process *p) {
	struct run *r = p->run;
	const struct ready_policy *policy = &p->policy->ready;
	struct settle_reading reading;

	if (!r->begun && (!r->injection_wanted || r->injection_cause || r->late) &&
		!launch_is_helper(r->pid))
		ready_program_runs(p);
	if (!r->begun || r->ready || r->terminated || policy->when != READY_SETTLE)
		return;
	if (read_settling(p, &reading) == 0 &&
		settle_update(&r->settle, &reading, process_now(p), policy->settle_usec))
		ready_now(p);
}

static uint64_t poll_usec(const struct process *p) {
	uint64_t usec = p->policy->ready.settle_usec / SETTLE_READINGS;

	return p->policy->ready.when == READY_SETTLE && usec > POLL_MIN_USEC ? usec : POLL_MIN_USEC;
}

static bool wants_poll(const struct process *p) {
	const struct run *r = p->run;

	if (r->ready || r->lock_asked || r->terminated)
		return false;
	return p->policy->ready.when == READY_SETTLE || !r->begun;
}

static int on_poll(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;
	uint64_t now;

	look(p);
	if (!p->run->poll_timer)
		return 0;
	if (!wants_poll(p)) {
		p->run->poll_timer = sd_event_source_disable_unref(p->run->poll_timer);
		return 0;
	}
	now = process_now(p);
	(void)sd_event_source_set_time(s, now + poll_usec(p));
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static void give_up(struct process *p) {
	char timeout[UNITS_TEXT_MAX];

	process_failure(p, "not ready within %s: %s",
		format_duration(p->policy->ready.timeout_usec, timeout),
		p->run->unready ? p->run->unready : "no reason known");
	process_dispatch(p, EVENT_TIMEOUT);
}

/* Whoever adopts a program that hasn't said so can't know whether it has. */
static bool may_have_said(const struct process *p) {
	const struct run *r = p->run;

	return r->adopted && r->begun && !r->lock_asked && p->policy->ready.when == READY_NOTIFY;
}

static int on_ready_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;

	p->run->late = true;
	order_schedule(p->manager);
	p->manager->changed = true;
	look(p);
	if (p->run->ready || p->run->terminated)
		return 0;
	if (may_have_said(p)) {
		run_note(p->run, "ready",
			"its READY=1 may have come while no rtmemd listened: taken as ready when "
			"ready.timeout was over");
		ready_now(p);
		return 0;
	}
	set_unready(p);
	if (p->policy->ready.on_timeout == TIMEOUT_FAIL)
		give_up(p);
	else
		react_judge(p);
	return 0;
}

static int start_timeout(struct process *p) {
	struct run *r = p->run;
	uint64_t timeout_usec = p->policy->ready.timeout_usec;
	int k;

	if (timeout_usec == USEC_INFINITY)
		return 0;
	k = sd_event_add_time_relative(p->manager->event, &r->ready_timer, CLOCK_MONOTONIC,
		timeout_usec, TIMER_ACCURACY, on_ready_timeout, p);
	return k < 0 ? k : sd_event_source_set_description(r->ready_timer, "rtmemd-ready-timer");
}

int ready_begin(struct process *p) {
	struct run *r = p->run;
	int k = start_timeout(p);

	if (k >= 0)
		k = sd_event_add_time_relative(p->manager->event, &r->poll_timer, CLOCK_MONOTONIC,
			POLL_MIN_USEC, TIMER_ACCURACY, on_poll, p);
	return k < 0 ? k : sd_event_source_set_description(r->poll_timer, "rtmemd-settle-timer");
}

void ready_timeout_changed(struct process *p) {
	struct run *r = p->run;
	int k;

	if (!r || r->ready || r->late || r->terminated)
		return;
	r->ready_timer = sd_event_source_disable_unref(r->ready_timer);
	k = start_timeout(p);
	if (k < 0)
		run_note(r, "ready", "no timer for ready.timeout: %s", strerror(-k));
}

void ready_program_runs(struct process *p) {
	if (p->run->begun)
		return;
	p->run->begun = true;
	if (!p->run->image.known)
		witness_begin(p);
	process_dispatch(p, EVENT_INIT);
}

void ready_prepare(struct process *p) {
	if (p->policy->ready.when == READY_EXEC)
		ready_now(p);
}

void ready_notified(struct process *p) {
	struct run *r = p->run;

	if (p->policy->ready.when != READY_NOTIFY || r->ready || r->terminated)
		return;
	ready_program_runs(p);
	if (!r->lock_asked)
		ready_now(p);
}

uint64_t ready_deadline(uint64_t present_usec, uint64_t now_usec, uint64_t extend_usec) {
	uint64_t wanted = now_usec +
		(extend_usec < EXTEND_MAX_USEC ? extend_usec : EXTEND_MAX_USEC);

	return wanted > present_usec ? wanted : present_usec;
}

void ready_extend(struct process *p, uint64_t usec) {
	struct run *r = p->run;
	uint64_t present;

	if (r->ready || r->late || !r->ready_timer ||
		sd_event_source_get_time(r->ready_timer, &present) < 0)
		return;
	(void)sd_event_source_set_time(
		r->ready_timer, ready_deadline(present, process_now(p), usec));
}

void ready_locked(struct process *p) {
	if (!p->run->ready && !p->run->terminated)
		process_dispatch(p, EVENT_READY);
}

void ready_socket_closed(struct process *p) {
	struct run *r = p->run;

	if (!r->lock_asked || r->ready)
		return;
	run_note(r, "lock", "the library's socket was closed before the lock at ready was done");
	ready_locked(p);
}

/* An execve of a file that the program's user may not read takes counters off; we may count again. */
static void attach_again(struct process *p) {
	pid_t pid = p->run->pid;

	faults_done(&p->run->faults);
	faults_attach_running(
		&p->run->faults, &p->manager->rings, pid, p->policy->children == CHILDREN_INHERIT);
	if (p->run->stored)
		store_drop(p->name);
	p->run->stored = false;
}

static void ready_judge(struct process *p) {
	slow_look_ready(p);
	sample_process(p, true);
	react_judge(p);
	sample_schedule(p->manager);
}

void ready_reached(struct process *p) {
	struct run *r = p->run;

	r->ready = true;
	r->ready_timer = sd_event_source_disable_unref(r->ready_timer);
	r->poll_timer = sd_event_source_disable_unref(r->poll_timer);
	if (faults_detached(&r->faults))
		attach_again(p);
	if (faults_begin(&r->faults) < 0)
		run_note(r, "faults", "the baseline of faults couldn't be read");
	r->since_ready = (struct fault_count){ .minor = 0 };
	seal_ready(p);
	if (!r->image.known)
		witness_begin(p);
	witness_look(p);
	record_write_late(p);
	store_run(p);
	watchdog_begin(p);
	ready_judge(p);
}

void ready_resumed(struct process *p) {
	p->run->ready = true;
	witness_begin(p);
	watchdog_begin(p);
	seal_ready(p);
	ready_judge(p);
}
