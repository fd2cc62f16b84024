/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing is claimed for a time that nobody watched. Counters that our manager kept went on by themselves,
 * and what they show is exact. Without them the process's own /proc counts, which also go on, are a bound:
 * as they were when the record was written, nothing happened; grown, that many faults may have come, or
 * fewer, because pages populated ahead count there too.
 */
#include "daemon/survive/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define UNCOUNTED_RULE "uncounted"

static bool attach_kept(struct process *p, struct kept *kept) {
	struct run *r = p->run;

	if (kept->n_tasks == 0)
		return false;
	faults_attach_kept(&r->faults, &p->manager->rings, r->pid,
		p->policy->children == CHILDREN_INHERIT, TAKE(kept->counters), kept->n_tasks);
	kept->n_tasks = 0;
	if (!faults_detached(&r->faults))
		return true;
	faults_done(&r->faults);
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
	run_note(p->run, UNCOUNTED_RULE,
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

void resume_run(struct process *p, const struct record *record, struct kept *kept) {
	struct run *r = p->run;
	bool attached = attach_kept(p, kept);

	if (!attached && kept->pidfd >= 0)
		store_drop(p->name); /* what isn't whole is stored anew */
	if (!attached)
		faults_attach_running(&r->faults, &p->manager->rings, r->pid,
			p->policy->children == CHILDREN_INHERIT);
	resume_told(r, record);
	if (record->ready)
		resume_counts(p, record, attached);
	r->stored = attached;
}

static bool was_uncounted(const struct run *r) {
	for (size_t i = 0; i < r->n_notes; i++)
		if (strcmp(r->notes[i].rule, UNCOUNTED_RULE) == 0)
			return true;
	return false;
}

const char *resume_describe(const struct process *p, char *buf, size_t size) {
	const struct run *r = p->run;
	uint64_t n = r->unwatched.minor + r->unwatched.major;

	if (was_uncounted(r))
		snprintf(buf, size, "faults are counted since a release that counts took over");
	else if (r->gap && p->policy->children == CHILDREN_INHERIT)
		snprintf(buf, size,
			"up to %" PRIu64
			" faults of its own came while no rtmemd counted; those of its "
			"children aren't known",
			n);
	else if (!r->gap && n == 0)
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
