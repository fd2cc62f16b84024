/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of the judgement about the control group. What this machine can't give is a note, never a
 * finding; what was given and is different now is one. */
#include <stdio.h>

#include <unistd.h>

#include "common/units.h"
#include "daemon/verdict/verdict.h"

/* The kernel counts in pages. */
static bool differs(uint64_t wanted, uint64_t seen) {
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return wanted == BYTES_UNLIMITED || seen == BYTES_UNLIMITED ? wanted != seen
								    : wanted / page != seen / page;
}

static void judge_value(const char *name, uint64_t wanted, uint64_t seen, struct findings *ret,
	const char *problem) {
	char rule[40], wanted_text[UNITS_TEXT_MAX], seen_text[UNITS_TEXT_MAX];

	if (!differs(wanted, seen))
		return;
	snprintf(rule, sizeof(rule), "cgroup.%s", name);
	findings_add(ret, rule, format_size(wanted, wanted_text), format_size(seen, seen_text),
		problem ? problem : "it was changed by somebody else");
}

static void judge_values(
	const struct cgroup_policy *c, const struct cgroup_state *s, struct findings *ret) {
	char wanted[UNITS_TEXT_MAX], guarded[UNITS_TEXT_MAX];

	judge_value("memory_min", c->memory_min_bytes, s->min_bytes, ret, s->problem);
	judge_value("memory_low", c->memory_low_bytes, s->low_bytes, ret, s->problem);
	judge_value("memory_max", c->memory_max_bytes ? c->memory_max_bytes : BYTES_UNLIMITED,
		s->max_bytes, ret, s->problem);
	if (c->memory_min_bytes > s->guarded_bytes)
		findings_note(ret, "cgroup.memory_min",
			"of %s no more than %s is protected, because the groups above protect no more: "
			"set MemoryMin= of rtmem-processes.service and of its slice",
			format_size(c->memory_min_bytes, wanted),
			format_size(s->guarded_bytes, guarded));
}

void verdict_cgroup(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct cgroup_policy *c = &p->cgroup;
	const struct cgroup_state *s = e->cgroup;

	if (!s || !s->looked ||
		!(c->memory_min_bytes || c->memory_low_bytes || c->memory_max_bytes))
		return;
	if (s->reason)
		findings_note(ret, "cgroup", "not applicable here: %s", s->reason);
	else if (!s->used)
		findings_add(ret, "cgroup", "a group of its own", "another group",
			s->problem
				? s->problem
				: "it was moved, or couldn't join at its start: what is set for its "
				  "group has no effect on it");
	else if (s->memory_valid)
		judge_values(c, s, ret);
	else
		findings_add(ret, "cgroup", "its memory values", "not readable", s->problem);
}
