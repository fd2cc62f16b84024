/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a stack takes the target's mmap lock for each few pages, for reading: nobody who maps or
 * unmaps waits longer than for those. Still it's never done for every sample, and always within a budget.
 */
#include "daemon/watch/slow.h"

#include "daemon/launch/cgroup.h"

static bool is_over(const struct run *r) {
	return !r->ready || r->terminated;
}

void slow_look(struct process *p) {
	struct run *r = p->run;
	size_t budget = SLOW_BUDGET_ROUND;

	if (is_over(r))
		return;
	if (p->policy->memory.stack.margin_bytes > 0)
		stacks_look(&r->stacks, r->pid, &budget);
	if (p->policy->children == CHILDREN_INHERIT)
		children_look(&r->children, r->pid);
	cgroup_look(p);
}

void slow_look_ready(struct process *p) {
	size_t budget = SLOW_BUDGET_READY;

	cgroup_look(p);
	if (p->policy->memory.stack.margin_bytes > 0)
		stacks_look(&p->run->stacks, p->run->pid, &budget);
}

static void look_at_stacks(struct process *p, size_t *budget_bytes) {
	if (p->run && !is_over(p->run))
		stacks_look(&p->run->stacks, p->run->pid, budget_bytes);
}

void slow_look_children(struct process *p) {
	if (p->run && !is_over(p->run))
		children_look(&p->run->children, p->run->pid);
}

void slow_look_named(struct process *p) {
	size_t budget = SLOW_BUDGET_NAMED;

	look_at_stacks(p, &budget);
}

void slow_look_all(struct manager *m) {
	size_t budget = SLOW_BUDGET_ALL;
	size_t n = m->n_processes < SLOW_TURNS_MAX ? m->n_processes : SLOW_TURNS_MAX;

	for (; n > 0 && budget > 0; n--)
		look_at_stacks(m->processes[m->slow_next++ % m->n_processes], &budget);
}
