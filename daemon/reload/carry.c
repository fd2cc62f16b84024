/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Doing what change.c has decided, process by process. Nothing is decided here any more. */
#include "daemon/reload/carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/launch/cgroup.h"
#include "daemon/launch/launch.h"
#include "daemon/log.h"
#include "daemon/reload/apply.h"
#include "daemon/reload/live.h"
#include "daemon/reload/pending.h"
#include "daemon/survive/record.h"
#include "daemon/watch/sample.h"

/* The next rtmemd compares plans: the process is as a launch under the present policy would make it. */
static void renew_hash(struct process *p) {
	_cleanup_plan_ struct plan plan = { .n_steps = 0 };
	_cleanup_free_ char *failure = TAKE(p->failure);
	uint64_t hash;

	if (!p->run->outdated && launch_make_plan(p, &plan) == 0 &&
		launch_hash(&plan, &hash) == 0 && hash != p->run->plan_hash) {
		p->run->plan_hash = p->plan_hash = hash;
		record_write_late(p);
	}
	free(p->failure);
	p->failure = TAKE(failure);
}

static void judge_anew(struct process *p) {
	if (!p->run || !p->run->ready)
		return;
	p->run->sample_due_usec = p->run->thorough_due_usec = 0;
	sample_now(p);
}

/* Once the policy is taken over. A machine without such control has a finding for it. */
static void follow_cgroup(struct change *c, bool wanted) {
	if (wanted && cgroup_apply(c->process) < 0 && c->process->cgroup.problem && !c->problem)
		change_problem(c, c->process->cgroup.problem);
}

static void follow(struct change *c) {
	char problem[LIVE_PROBLEM_MAX];

	live_follow(c->process, &c->differences, c->policy, false, problem);
	change_problem(c, problem);
}

static void update(struct policy_set *set, struct change *c) {
	struct process *p = c->process;
	bool other_plan = p->pending || live_is_launched(&c->differences);

	follow(c);
	(void)process_set_policy(p, set, c->policy);
	follow_cgroup(c, p->run && live_is_cgroup(&c->differences));
	if (p->run && other_plan)
		renew_hash(p);
	judge_anew(p);
}

static void set_environment(struct process *p, bool other) {
	if (p->run && p->run->other_environment != other) {
		p->run->other_environment = other;
		p->n_pending++;
	}
}

static void let_wait(struct policy_set *set, struct change *c) {
	struct process *p = c->process;

	if (c->differences.n_items == 0) { /* of the policy: its environment files differ */
		(void)process_set_policy(p, set, c->policy);
		set_environment(p, true);
		return;
	}
	follow(c);
	if (pending_set(p, set, c->policy, &c->differences) < 0) {
		change_problem(c, strerror(ENOMEM));
		return;
	}
	follow_cgroup(c, live_is_cgroup(&c->differences));
	if (policy_differences_launch(&c->differences) < c->differences.n_items)
		judge_anew(p);
}

static void remove_process(struct manager *m, struct process *p) {
	p->removed = true;
	if (p->state != PROCESS_STOPPED || p->rest.behind) {
		process_ask(p, EVENT_STOP, WANTED_BY_RELOAD);
		return;
	}
	record_remove(p);
	manager_remove(m, p);
	process_free(p);
}

static void act_on(struct manager *m, struct policy_set *set, struct change *c) {
	switch (c->kind) {
	case CHANGE_START:
		if (c->process)
			apply_begin(c->process);
		break;
	case CHANGE_RESTART:
		if (!c->process->run)
			(void)process_set_policy(c->process, set, c->policy);
		else if (pending_set(c->process, set, c->policy, &c->differences) < 0)
			change_problem(c, strerror(ENOMEM));
		c->process->removed = false;
		process_ask(c->process, EVENT_RESTART, WANTED_BY_RELOAD);
		break;
	case CHANGE_STOP:
		remove_process(m, c->process);
		break;
	case CHANGE_UPDATE:
		update(set, c);
		break;
	case CHANGE_PENDING:
		let_wait(set, c);
		break;
	case CHANGE_KEEP: /* the places, at least */
		(void)process_set_policy(c->process, set, c->policy);
		set_environment(c->process, false);
		break;
	case CHANGE_KIND_MAX:
		break;
	}
}

void carry_out(struct manager *m, struct policy_set *set, struct changes *changes) {
	descriptors_expect(&m->descriptors, set->n_processes, m->rings.n_items);
	for (size_t i = 0; i < changes->n_items; i++)
		if (changes->items[i].kind == CHANGE_START)
			changes->items[i].process = apply_add(m, set, changes->items[i].policy);
	for (size_t i = 0; i < changes->n_items; i++) {
		struct change *c = &changes->items[i];

		if (c->kind != CHANGE_KEEP && !c->known)
			log_event(MESSAGE_APPLIED, LOG_INFO, c->name, NULL, "%s: %s",
				change_kind_to_string(c->kind), c->reason);
		act_on(m, set, c);
	}
	policy_set_unref(m->set);
	m->set = policy_set_ref(set);
	m->changed = true;
	sample_schedule(m);
}

void carry_foresee(struct changes *changes) {
	char problem[LIVE_PROBLEM_MAX];

	for (size_t i = 0; i < changes->n_items; i++) {
		struct change *c = &changes->items[i];

		if (c->kind != CHANGE_UPDATE && c->kind != CHANGE_PENDING)
			continue;
		live_follow(c->process, &c->differences, c->policy, true, problem);
		change_problem(c, problem);
	}
}
