/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a stack takes the target's mmap lock for each few pages, for reading: nobody who maps or
 * unmaps waits longer than for those. Still it's never done for every sample, and always within a budget.
 */
#include "daemon/slow.h"

#include "daemon/manager.h"

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
}

void slow_look_ready(struct process *p) {
	size_t budget = SLOW_BUDGET_READY;

	if (p->policy->memory.stack.margin_bytes > 0)
		stacks_look(&p->run->stacks, p->run->pid, &budget);
}

static void look_at_stacks(struct process *p, size_t *budget_bytes) {
	if (p->run && !is_over(p->run))
		stacks_look(&p->run->stacks, p->run->pid, budget_bytes);
}

void slow_look_asked(struct manager *m, struct process *named) {
	size_t budget = named ? SLOW_BUDGET_NAMED : SLOW_BUDGET_ALL;

	for (size_t i = 0; i < m->n_processes; i++) {
		struct run *r = m->processes[i]->run;

		if (r && !is_over(r) && (!named || m->processes[i] == named))
			children_look(&r->children, r->pid);
	}
	if (named)
		look_at_stacks(named, &budget);
	for (size_t n = m->n_processes; !named && n > 0 && budget > 0; n--)
		look_at_stacks(m->processes[m->slow_next++ % m->n_processes], &budget);
}
