/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is claimed for a time that nobody watched. Counters that our manager kept went on by themselves,
 * and what they show is exact. Without them the process's own /proc counts, which also go on, are a bound:
 * as they were when the record was written, nothing happened; grown, that many faults may have come, or
 * fewer, because pages populated ahead count there too.
 */
#include "daemon/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/manager.h"

struct kept {
	int *fds; /* pairs, as in struct faults */
	size_t n[FAULT_KIND_MAX];
	size_t n_room;
};

static bool take_kept(struct store *s, enum fault_kind kind, const char *name, struct kept *k) {
	enum store_role role = kind == FAULT_MINOR ? STORE_MINOR : STORE_MAJOR;
	int fd;

	while ((fd = store_take(s, role, name)) >= 0) {
		if (k->n[kind] == k->n_room) {
			(void)close_fd(fd);
			return false;
		}
		k->fds[k->n[kind]++ * FAULT_KIND_MAX + (size_t)kind] = fd;
	}
	return k->n[kind] == k->n_room;
}

/* Which counter of one kind goes with which of the other doesn't matter: only sums are asked for. */
static bool attach_kept(struct process *p, const struct record *record) {
	struct run *r = p->run;
	struct kept k = { .n_room = record->n_tasks ? record->n_tasks : 1 };
	bool whole;

	k.fds = calloc(k.n_room * FAULT_KIND_MAX, sizeof(*k.fds));
	if (!k.fds)
		return false;
	for (size_t i = 0; i < k.n_room * FAULT_KIND_MAX; i++)
		k.fds[i] = -1;
	whole = take_kept(&p->manager->store, FAULT_MINOR, p->name, &k) &&
		take_kept(&p->manager->store, FAULT_MAJOR, p->name, &k);
	if (whole) {
		faults_attach_kept(&r->faults, &p->manager->rings, r->pid,
			p->policy->children == CHILDREN_INHERIT, k.fds, k.n_room);
		if (!faults_detached(&r->faults))
			return true;
		faults_done(&r->faults);
		return false;
	}
	for (size_t i = 0; i < k.n_room * FAULT_KIND_MAX; i++)
		(void)close_fd(k.fds[i]);
	free(k.fds);
	return false;
}

static void add_gap(struct process *p, const struct record *record) {
	struct run *r = p->run;
	struct fault_count now;

	r->gap = true;
	if (process_stat_read(r->pid, 0, &now, NULL) < 0)
		return; /* it's ending, and that is seen too */
	r->unwatched.minor += now.minor - record->stat.minor;
	r->unwatched.major += now.major - record->stat.major;
}

static void begin_anew(struct process *p) {
	p->run->gap = true;
	(void)faults_begin(&p->run->faults);
	run_note(p->run, "uncounted",
		"the release of rtmemd that started it kept no counts: faults before the adoption "
		"aren't known");
}

static void resume_counts(struct process *p, const struct record *record, bool kept) {
	struct run *r = p->run;
	struct fault_count base = record->base, now = { 0 };

	if (!record->counted) {
		begin_anew(p);
		return;
	}
	r->unwatched = record->unwatched;
	if (!kept && !(record->from_proc && r->faults.from_proc)) {
		(void)faults_read(&r->faults, &now);
		base = (struct fault_count){ now.minor - record->faults.minor,
			now.major - record->faults.major };
		add_gap(p, record);
	}
	faults_resume(&r->faults, &base, record->threads, record->n_threads);
	(void)faults_since_ready(&r->faults, &r->since_ready);
}

static void resume_told(struct run *r, const struct record *record) {
	for (size_t i = 0; i < record->n_events; i++) {
		const struct event *e = &record->events[i];

		events_add(&r->events, e->call, e->subject, e->ready, e->n, e->last);
	}
	r->events.n_more += record->n_more_events;
	for (size_t i = 0; i < record->n_notes; i++)
		if (strcmp(record->notes[i].rule, "launch") != 0) /* compared anew */
			run_note(r, record->notes[i].rule, "%s", record->notes[i].detail);
	if (*record->injection_cause)
		r->injection_cause = strdup(record->injection_cause);
}

void resume_run(struct process *p, const struct record *record) {
	struct run *r = p->run;
	bool kept = attach_kept(p, record);

	if (!kept)
		faults_attach_running(&r->faults, &p->manager->rings, r->pid,
			p->policy->children == CHILDREN_INHERIT);
	resume_told(r, record);
	if (record->ready)
		resume_counts(p, record, kept);
	r->stored = kept && r->report_fd >= 0;
}

const char *resume_describe(const struct process *p, char *buf, size_t size) {
	const struct run *r = p->run;
	uint64_t n = r->unwatched.minor + r->unwatched.major;

	if (!r->gap && n == 0)
		snprintf(buf, size, "faults were counted without a gap");
	else if (n == 0)
		snprintf(buf, size,
			"no page fault came while no rtmemd counted: its counts in /proc stood still");
	else
		snprintf(buf, size,
			"up to %" PRIu64
			" faults came while no rtmemd counted (/proc/%d/stat; pages "
			"populated ahead count there too)",
			n, (int)r->pid);
	return buf;
}
