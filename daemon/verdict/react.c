/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A finding is told once, when it appears, and once more when it's gone; in between it stands in the
 * status. The reaction comes last, after everything has been told.
 */
#include "daemon/verdict/react.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "daemon/bus/news.h"
#include "daemon/launch/output.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/resume.h"
#include "host/facts.h"

static bool has_rule(const struct finding *items, size_t n, const char *rule) {
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].rule, rule) == 0)
			return true;
	return false;
}

static void tell(struct process *p, const struct findings *now) {
	for (size_t i = 0; i < now->n_items; i++) {
		const struct finding *f = &now->items[i];

		if (has_rule(p->findings, p->n_findings, f->rule))
			continue;
		log_event(MESSAGE_VIOLATION, LOG_WARNING, p->name, f->rule,
			"%s: wanted %s, seen %s%s%s", f->rule, f->wanted, f->seen,
			f->detail[0] ? ": " : "", f->detail);
		news_finding(p, f, true);
	}
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct finding *f = &p->findings[i];

		if (has_rule(now->items, now->n_items, f->rule))
			continue;
		if (strcmp(f->rule, "launch") != 0) /* "started" has told that */
			log_event(MESSAGE_RESOLVED, LOG_INFO, p->name, f->rule,
				"%s: as wanted again", f->rule);
		news_finding(p, f, false);
	}
}

/* Copies n items to the heap; what was there stays when there's no memory. */
static void replace_items(void **items, size_t *n_items, const void *now, size_t n, size_t size) {
	void *copy = NULL;

	if (n == *n_items && (n == 0 || memcmp(*items, now, n * size) == 0))
		return;
	if (n > 0) {
		copy = malloc(n * size);
		if (!copy)
			return;
		memcpy(copy, now, n * size);
	}
	free(*items);
	*items = copy;
	*n_items = n;
}

static void keep(struct process *p, const struct findings *now) {
	replace_items((void **)&p->findings, &p->n_findings, now->items, now->n_items,
		sizeof(now->items[0]));
	replace_items(
		(void **)&p->notes, &p->n_notes, now->notes, now->n_notes, sizeof(now->notes[0]));
}

static void add_run_notes(const struct process *p, struct findings *now) {
	const struct run *r = p->run;
	char text[200];
	char path[256];
	int error;

	for (size_t i = 0; i < r->n_notes; i++) {
		bool known = false;

		for (size_t j = 0; j < now->n_notes && !known; j++)
			known = strcmp(now->notes[j].rule, r->notes[i].rule) == 0;
		if (!known)
			findings_note(now, r->notes[i].rule, "%s", r->notes[i].detail);
	}
	error = outputs_problem(p->manager->outputs, p->name, path, sizeof(path));
	if (error < 0)
		findings_note(now, "output",
			"%.200s grows: it can't be rotated: %s; rtmem-rotate says more "
			"in rtmemd's log",
			path, strerror(-error));
	if (r->adopted && r->ready)
		findings_note(now, "adopted", "adopted by a new rtmemd: %s%s%s",
			resume_describe(p, text, sizeof(text)),
			r->report_fd < 0 ? "; what the program does to its own memory is seen by "
					   "its effect, not by the call"
					 : "",
			r->report_fd < 0 && p->policy->memory.lock == LOCK_BALANCED
				? "; what it maps from now on isn't locked"
				: "");
}

/* Texts that evidence points to */
struct words {
	char faults[320];
	char thread[32];
};

/* What only a thorough look knows */
static void gather_slow(const struct run *r, struct words *words, struct evidence *ret) {
	char path[64];

	ret->unlocked_child = children_unlocked(&r->children);
	ret->tightest = stacks_tightest(&r->stacks);
	if (!ret->tightest)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)r->pid, (int)ret->tightest->tid);
	if (read_line_file(path, words->thread, sizeof(words->thread)) == 0)
		ret->tightest_thread = make_printable(words->thread);
	ret->tightest_is_main = ret->tightest->tid == r->pid;
}

static void gather(const struct process *p, struct words *words, struct evidence *ret) {
	struct run *r = p->run;

	*ret = (struct evidence){
		.running = true,
		.ready = r->ready,
		.late = r->late,
		.unready = r->unready,
		.injection_wanted = r->injection_wanted,
		.injection_cause = r->injection_cause,
		.report = r->report,
		.faults = r->since_ready,
		.unwatched = r->unwatched,
		.faults_from_proc = r->faults.from_proc,
		.perf_error = r->faults.error,
		.memory = r->memory_valid ? &r->memory : NULL,
		.effective = r->effective_valid ? &r->effective : NULL,
		.events = &r->events,
		.cgroup = &p->cgroup,
		.seal = &r->seal,
		.heap_missing_bytes = r->heap_missing_bytes,
	};
	if (p->policy->memory.stack.margin_bytes > 0 || p->policy->children == CHILDREN_INHERIT)
		gather_slow(r, words, ret);
	if (r->since_ready.minor + r->since_ready.major > 0) {
		faults_refresh_threads(&r->faults);
		faults_name_threads(&r->faults);
		ret->faults_detail = faults_describe(
			&r->faults, words->faults, sizeof(words->faults));
		ret->pages_move = facts_locked_pages_move();
	}
}

/* What may have happened while we weren't there is told, and nothing is done about it. */
static const struct finding *first_seen(const struct process *p) {
	for (size_t i = 0; i < p->n_findings; i++)
		if (strcmp(p->findings[i].rule, UNWATCHED_RULE) != 0)
			return &p->findings[i];
	return NULL;
}

static void act(struct process *p) {
	const struct finding *first = first_seen(p);

	if (!first || p->run->terminated || p->policy->compliance.on_violation == VIOLATION_REPORT)
		return;
	process_failure(
		p, "violation: %s: wanted %s, seen %s", first->rule, first->wanted, first->seen);
	process_dispatch(p, EVENT_VIOLATION);
}

void react_judge(struct process *p) {
	struct words words;
	struct findings now; /* large, and mostly unused: not cleared for each judgement */
	struct evidence e;
	enum compliance compliance;

	gather(p, &words, &e);
	compliance = verdict(p->policy, &e, &now);
	add_run_notes(p, &now);
	tell(p, &now);
	if (compliance != p->compliance || now.n_items != p->n_findings)
		p->manager->changed = true;
	p->compliance = compliance;
	keep(p, &now);
	if (compliance == COMPLIANCE_VIOLATING || compliance == COMPLIANCE_UNPROTECTED) {
		p->manager->changed = true; /* counts in STATUS= may have moved */
		act(p);
	}
}

void react_stopped(struct process *p) {
	struct evidence e = { .running = false, .failure = p->failure };
	struct findings now;

	p->compliance = verdict(p->policy, &e, &now);
	keep(p, &now);
	p->manager->changed = true;
}

static const struct setting_state *find_setting(const struct settings *s, const char *name) {
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->items[i].setting, name) == 0)
			return &s->items[i];
	return NULL;
}

static void tell_setting(const struct setting_state *now) {
	if (now->result == SETTING_OK)
		log_event(MESSAGE_RESOLVED, LOG_INFO, NULL, now->setting, "host: %s is %s",
			now->setting, now->actual);
	else
		log_event(MESSAGE_HOST_DRIFT, now->result == SETTING_DRIFT ? LOG_WARNING : LOG_INFO,
			NULL, now->setting, "host: %s: wanted %s, seen %s (%s): %s", now->setting,
			now->wanted, now->actual[0] ? now->actual : "nothing",
			setting_result_to_string(now->result), now->reason);
}

void react_host(struct manager *m, struct settings *host) {
	for (size_t i = 0; i < host->n_items; i++) {
		const struct setting_state *old = find_setting(&m->host, host->items[i].setting);

		if (!old || old->result != host->items[i].result) {
			tell_setting(&host->items[i]);
			m->changed = true;
		}
	}
	settings_done(&m->host);
	m->host = *host;
	*host = (struct settings){ .n_items = 0 };
}
