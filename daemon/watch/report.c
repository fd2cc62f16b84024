/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports come from the process that is judged, so each is checked for its shape and believed only once:
 * the first report of libinit counts, a second lock counts only when it was asked for, notes are
 * bounded, and text is made printable before anybody sees it.
 */
#include "daemon/watch/report.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/plan.h"
#include "daemon/bus/receive.h"
#include "daemon/life/progress.h"
#include "daemon/life/ready.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/watch/sample.h"
#include "daemon/watch/witness.h"

#define PACKETS_PER_WAKEUP 32 /* a process that floods us waits its turn */
/* rtmem-exec and libinit need a handful, and a few each second while something long goes on */
#define PACKETS_PER_WINDOW  64
#define PACKETS_WINDOW_USEC 10000000u
#define EXECVE_USEC	    20000u /* from closing what is close-on-exec to the kernel's record of it */

static void on_exec_failed(struct process *p, const struct report *report) {
	run_failure(p->run, report->text[0] ? report->text : report->step);
}

static void on_exec_note(struct process *p, const struct report *report) {
	struct run *r = p->run;

	/* what came of a limit is judged from the limit itself, for as long as the process lives */
	if (strcmp(report->step, step_kind_to_string(STEP_RLIMIT)) == 0)
		return;
	if (strcmp(report->step, step_kind_to_string(STEP_PRELOAD)) == 0 && !r->injection_cause)
		r->injection_cause = strdup(report->text);
	else
		run_note(r, report->step, "%s", report->text);
}

static void on_init(struct process *p, const struct report *report) {
	struct run *r = p->run;

	if (r->report || !r->injection_wanted || run_keep_report(r, report) < 0)
		return;
	progress_done(p);
	record_write_late(p);
	witness_begin(p);
	ready_program_runs(p);
}

static void on_init_failed(struct process *p, const struct report *report) {
	run_failure(p->run, report->text[0] ? report->text : report->step);
}

/* The numbers of the first report stay; what went wrong is that of the second lock. */
static void replace_outcome(struct run *r, const struct report *locked) {
	struct report whole = *locked;

	memcpy(&whole, r->report, offsetof(struct report, step));
	whole.kind = REPORT_INIT_PARTIAL;
	whole.error = locked->error;
	(void)run_keep_report(r, &whole);
}

static void on_locked(struct process *p, const struct report *report) {
	struct run *r = p->run;

	if (!r->lock_asked || (r->ready && !r->relock.pending))
		return;
	if (report->error)
		replace_outcome(r, report);
	r->relock.possible = r->report && !report->error;
	relock_answered(&r->relock, report->unlocked_bytes);
	r->judge_due = r->ready;
	ready_locked(p);
}

/* Judged once all that has come was read: a program that forks in a loop is one thing to tell. */
static void on_event(struct process *p, const struct report *report) {
	struct run *r = p->run;

	if (!r->report)
		return;
	events_told(&r->events, report->step, r->ready, report->text);
	if (r->ready && strcmp(report->step, "fork") == 0) {
		r->n_forks_told++;
		r->fork_placed = true;
	}
	r->judge_due = r->ready;
}

static void (*const handlers[REPORT_KIND_MAX])(struct process *p, const struct report *report) = {
	[REPORT_EXEC_FAILED] = on_exec_failed,
	[REPORT_EXEC_NOTE] = on_exec_note,
	[REPORT_INIT] = on_init,
	[REPORT_INIT_PARTIAL] = on_init,
	[REPORT_INIT_FAILED] = on_init_failed,
	[REPORT_LOCKED] = on_locked,
	[REPORT_PROGRESS] = progress_told,
	[REPORT_EVENT] = on_event,
	[REPORT_SEALED] = seal_told,
};

/* A socket that stays open for months may carry any number of packets, but not at once. */
static bool is_flood(struct process *p) {
	struct run *r = p->run;
	uint64_t now = process_now(p);

	if (now - r->packets_usec >= PACKETS_WINDOW_USEC) {
		r->packets_usec = now;
		r->n_packets = 0;
	}
	return ++r->n_packets > PACKETS_PER_WINDOW;
}

/* An upgrade replaces rtmemd, and leaves the libraries in programs that run. */
static bool is_of_other_release(const void *data, size_t size) {
	struct {
		uint32_t magic;
		uint16_t version;
	} head;

	if (size < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	return head.magic == REPORT_MAGIC && head.version != REPORT_VERSION;
}

/* False when the other side has lost its right to be heard. */
static bool handle_packet(struct process *p, const void *data, size_t size) {
	struct report report;

	if (is_of_other_release(data, size)) {
		run_note(p->run, "release",
			"its library is of another release than rtmemd, which doesn't understand what it "
			"tells: `rtmemctl restart %s` brings them together",
			p->name);
		return false;
	}
	if (report_check(data, size, &report) < 0 || is_flood(p)) {
		log_event(MESSAGE_PLAIN, LOG_WARNING, p->name, NULL,
			"its library's socket is misused: no report is taken from it any more");
		return false;
	}
	(void)make_printable(report.text);
	(void)make_printable(report.step);
	(void)make_printable(report.malloc_owner);
	log_event(MESSAGE_PLAIN, LOG_DEBUG, p->name, NULL, "report %u: %s: %s", report.kind,
		report.step, report.text);
	if (handlers[report.kind])
		handlers[report.kind](p, &report);
	return true;
}

static void stop_watching(struct run *r) {
	r->relock.possible = false;
	r->report_source = sd_event_source_disable_unref(r->report_source);
	r->report_fd = close_fd(r->report_fd);
}

/* The socket is close-on-exec: this may be why it closed. */
static void expect_execve(struct process *p) {
	struct run *r = p->run;

	if (!r->ready || r->terminated)
		return;
	r->thorough_due_usec = 0;
	r->sample_due_usec = process_now(p) + EXECVE_USEC;
	sample_schedule(p->manager);
}

static void read_packets(struct process *p) {
	char data[sizeof(struct report) + 1];

	for (int i = 0; i < PACKETS_PER_WAKEUP && p->run->report_fd >= 0; i++) {
		ssize_t n = receive(p->run->report_fd, data, sizeof(data), NULL);

		if (n == -EMSGSIZE)
			n = sizeof(data); /* no report */
		if (n == -EAGAIN)
			return;
		if (n <= 0 || !handle_packet(p, data, (size_t)n)) {
			stop_watching(p->run);
			ready_socket_closed(p);
			seal_socket_closed(p);
			expect_execve(p);
			return;
		}
	}
}

void report_drain(struct process *p) {
	read_packets(p);
	if (!p->run->judge_due)
		return;
	p->run->judge_due = false;
	sample_now(p);
}

static int on_report_event(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	report_drain(userdata);
	return 0;
}

int report_watch(struct process *p) {
	struct run *r = p->run;
	int k = sd_event_add_io(
		p->manager->event, &r->report_source, r->report_fd, EPOLLIN, on_report_event, p);

	if (k < 0)
		return k;
	/* What the library says before main() counts before the program's READY=1 */
	(void)sd_event_source_set_priority(r->report_source, SD_EVENT_PRIORITY_NORMAL - 20);
	return sd_event_source_set_description(r->report_source, "rtmemd-report");
}

int report_send_byte(struct process *p, char byte) {
	if (p->run->report_fd < 0)
		return -ENOTCONN;
	return send(p->run->report_fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}
