/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library inside is asked once, at ready, and its word is held against what the kernel says (Seccomp
 * in /proc/PID/status, seal-verdict.c). A seal outlives its rtmemd; that it was put on is in the record of the
 * run. Where the kernel can't be asked about single calls, the size of the process tells the most of
 * it.
 */
#include "daemon/watch/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/confine/hands.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/watch/report.h"

#define PATIENCE_USEC 10000000u /* for an answer */

static enum seal_mode mode_of(const struct process *p) {
	return p->policy->memory.seal;
}

void seal_done(struct seal *s) {
	free(s->problem);
	calls_free(s->calls);
	*s = (struct seal){ .asked = false };
}

static void set_problem(struct seal *s, const char *text) {
	if (!s->problem)
		s->problem = strdup(text);
}

struct attaching {
	struct process *process;
	bool running;
	struct calls *calls;
};

/* By the hands: tracefs may have to be mounted. */
static int attach_there(void *userdata) {
	struct attaching *a = userdata;
	struct process *p = a->process;

	a->calls = calls_attach(
		&p->manager->tracing, p->run->pid, mode_of(p) == SEAL_DENY, a->running);
	return 0;
}

static void attach(struct process *p, bool running) {
	struct seal *s = &p->run->seal;
	struct attaching a = { .process = p, .running = running };

	tracing_init(&p->manager->tracing, p->manager->hands);
	calls_free(s->calls);
	(void)hands_do(p->manager->hands, attach_there, &a);
	s->calls = a.calls;
}

void seal_launched(struct process *p) {
	if (mode_of(p) != SEAL_OFF)
		attach(p, false);
}

static void ask(struct process *p) {
	struct seal *s = &p->run->seal;
	int r = report_send_byte(p, HANDOFF_SEAL);
	char text[160];

	s->asked = true;
	s->asked_usec = process_now(p);
	if (r == 0)
		return;
	snprintf(text, sizeof(text),
		p->run->adopted ? "an earlier rtmemd started it, and nobody inside listens any "
				  "more: `rtmemctl restart %s`"
				: "the library inside can't be asked: its socket is closed",
		p->name);
	set_problem(s, text);
}

void seal_ready(struct process *p) {
	struct seal *s = &p->run->seal;

	if (mode_of(p) == SEAL_OFF)
		return;
	if (mode_of(p) == SEAL_DENY && !s->asked && !s->in_force)
		ask(p);
	if (!s->calls || calls_detached(s->calls))
		attach(p, true);
	if (s->calls)
		calls_begin(s->calls);
	s->size_bytes = 0;
	if (p->run->adopted)
		run_note(p->run, "seal", "calls are counted since its adoption");
}

void seal_told(struct process *p, const struct report *report) {
	struct seal *s = &p->run->seal;

	if (!s->asked || s->in_force || s->problem)
		return;
	if (report->error)
		set_problem(s, report->text[0] ? report->text : strerror(report->error));
	else
		s->in_force = true;
	record_write_late(p);
	p->run->judge_due = true;
}

void seal_socket_closed(struct process *p) {
	struct seal *s = &p->run->seal;

	if (s->asked && !s->in_force)
		set_problem(s, "the library's socket was closed before it answered");
}

static void on_call(const struct ring_record *record, void *userdata) {
	const struct manager *m = userdata;
	const struct process *p = record->kind == RING_CALL ? manager_find_pid(m, record->pid)
							    : NULL;

	if (p && p->run->seal.calls && p->run->seal.calls->begun)
		calls_record(p->run->seal.calls, record);
}

/* What isn't counted by call is seen by its effect, if it's an effect on the size. */
static void look_at_size(struct run *r) {
	struct seal *s = &r->seal;

	if (!r->memory_valid)
		return;
	if (s->size_bytes > 0 && s->size_bytes != r->memory.size_bytes)
		s->n_resized++;
	s->size_bytes = r->memory.size_bytes;
}

static void read_calls(struct process *p) {
	struct calls *c = p->run->seal.calls;
	uint64_t counted;

	if (!c)
		return;
	counted = calls_counted(c);
	rings_drain(&p->manager->tracing.rings, on_call, p->manager);
	calls_compare(c, counted);
}

void seal_name_denied(struct process *p, char *buf, size_t size) {
	const struct seal *s = &p->run->seal;
	size_t used = strlen(buf);
	char text[120];

	if (mode_of(p) != SEAL_DENY || !s->in_force || p->run->terminated)
		return;
	read_calls(p);
	if (s->calls && calls_any(s->calls->n))
		snprintf(buf + used, size - used, "; memory.seal had denied it by then: %s",
			calls_to_text(s->calls->n, text, sizeof(text)));
}

void seal_sample(struct process *p) {
	struct run *r = p->run;

	if (mode_of(p) == SEAL_OFF || !r->ready || r->terminated)
		return;
	look_at_size(r);
	r->seal.late = r->seal.asked && !r->seal.in_force &&
		process_now(p) - r->seal.asked_usec >= PATIENCE_USEC;
	read_calls(p);
}
