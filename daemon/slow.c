/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a stack takes the target's mmap lock for each few pages, for reading: nobody who maps or
 * unmaps waits longer than for those. Still it's never done for every sample, and always within a budget.
 */
#include "daemon/slow.h"

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

void slow_look_asked(struct process *p, size_t *budget_bytes) {
	struct run *r = p->run;

	if (is_over(r))
		return;
	if (*budget_bytes > 0)
		stacks_look(&r->stacks, r->pid, budget_bytes);
	children_look(&r->children, r->pid);
}
