/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about the control group: a bound that kills what it's meant to hold is refused before it does. */
#include "libpolicy/rules.h"

#include "libpolicy/budget.h"

/* What counts there of the budget: address space that is only reserved, as further arenas are, doesn't; and
 * without a full lock no stack is present before it's used. */
static uint64_t charged_bytes(const struct process_policy *p) {
	uint64_t heap = p->memory.heap.pages ? 0 : p->memory.heap.prealloc_bytes;
	struct budget b;

	if (p->memory.lock != LOCK_STRICT)
		return heap + p->memory.stack.main_bytes;
	rule_budget(p, &b);
	for (size_t i = 0; i < b.n_lines; i++)
		if (b.lines[i].unit_bytes == ARENA_RESERVATION_BYTES &&
			b.lines[i].count + 1 == heap_arenas(&p->memory.heap))
			return b.total_bytes - b.lines[i].bytes;
	return b.total_bytes;
}

bool rule_cgroup_max_too_small(struct subject *s) {
	uint64_t max = s->p->cgroup.memory_max_bytes, charged;
	char bound[UNITS_TEXT_MAX], least[UNITS_TEXT_MAX];

	if (max == 0)
		return false;
	charged = charged_bytes(s->p);
	if (charged <= max)
		return false;
	rule_advise(s, "`rtmemctl plan %s` shows the budget line by line", s->p->name);
	return rule_say(s,
		"cgroup.memory_max is %s, but %s will be present; allowed: at least that and what the "
		"program itself takes, because beyond it the kernel kills",
		format_size(max, bound), format_size_rounded(charged, least));
}

bool rule_cgroup_protects_beyond_max(struct subject *s) {
	const struct cgroup_policy *c = &s->p->cgroup;
	bool min = c->memory_min_bytes > c->memory_low_bytes;
	uint64_t most = min ? c->memory_min_bytes : c->memory_low_bytes;
	char protected[UNITS_TEXT_MAX], bound[UNITS_TEXT_MAX];

	if (c->memory_max_bytes == 0 || most <= c->memory_max_bytes)
		return false;
	return rule_say(s, "cgroup.%s is %s; allowed: at most cgroup.memory_max, which is %s",
		min ? "memory_min" : "memory_low", format_size(most, protected),
		format_size(c->memory_max_bytes, bound));
}
