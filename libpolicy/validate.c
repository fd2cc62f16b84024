/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One row per rule: the id, the key to point at, and a predicate that says in words and numbers what
 * contradicts what. A rule looks at the process as it will be launched, so it doesn't matter whether
 * a value came from a profile.
 */
#include "libpolicy/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libpolicy/rules.h"

struct rule {
	enum diagnostic_id id;
	const char *key;
	bool (*is_broken)(struct subject *s); /* then the message is filled in */
};

bool rule_say(struct subject *s, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(s->message, sizeof(s->message), format, args);
	va_end(args);
	return true;
}

void rule_advise(struct subject *s, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(s->hint, sizeof(s->hint), format, args);
	va_end(args);
}

static const struct rule rules[] = {
	{ DIAG_STACK_TOO_SMALL, "memory.stack.threads", rule_stack_too_small },
	{ DIAG_STACK_UNLIMITED, "limits.stack", rule_stack_unlimited },
	{ DIAG_STACK_EXCEEDS_LIMIT, "memory.stack.main", rule_stack_exceeds_limit },
	{ DIAG_MEMLOCK_ZERO, "limits.memlock", rule_memlock_zero },
	{ DIAG_MEMLOCK_TOO_SMALL, "limits.memlock", rule_memlock_too_small },
	{ DIAG_MEMLOCK_VOID, "limits.memlock", rule_memlock_void },
	{ DIAG_PREALLOC_WITHOUT_LOCK, "memory.heap.prealloc", rule_prealloc_without_lock },
	{ DIAG_RESERVE_WITHOUT_LOCK, "memory.stack.reserve", rule_reserve_without_lock },
	{ DIAG_ARENA_TOO_LARGE, "memory.heap.arenas", rule_arena_too_large },
	{ DIAG_PAGES_WITHOUT_GLIBC, "memory.heap.pages", rule_pages_without_glibc },
	{ DIAG_PAGES_WITH_ARENAS, "memory.heap.arenas", rule_pages_with_arenas },
	{ DIAG_FALLBACK_WITHOUT_PAGES, "memory.heap.pages_fallback", rule_fallback_without_pages },
	{ DIAG_ARENAS_OF_MIMALLOC, "memory.heap.arenas", rule_arenas_of_mimalloc },
	{ DIAG_PRIORITY_WITHOUT_REALTIME, "scheduling.priority", rule_priority_without_realtime },
	{ DIAG_REALTIME_WITHOUT_PRIORITY, "scheduling.policy", rule_realtime_without_priority },
	{ DIAG_PRIORITY_EXCEEDS_RTPRIO, "scheduling.priority", rule_priority_exceeds_rtprio },
	{ DIAG_NICE_WITH_REALTIME, "scheduling.nice", rule_nice_with_realtime },
	{ DIAG_OOM_WITH_LIMIT, "oom_score_adjust", rule_oom_with_limit },
	{ DIAG_CGROUP_MAX_TOO_SMALL, "cgroup.memory_max", rule_cgroup_max_too_small },
	{ DIAG_CGROUP_PROTECTS_BEYOND_MAX, "cgroup.memory_max", rule_cgroup_protects_beyond_max },
	{ DIAG_SETTLE_UNUSED, "ready.settle", rule_settle_unused },
	{ DIAG_SETTLE_EXCEEDS_TIMEOUT, "ready.timeout", rule_settle_exceeds_timeout },
	{ DIAG_RESTART_LIMIT_UNREACHABLE, "restart.limit", rule_restart_limit_unreachable },
	{ DIAG_ENVIRONMENT_CONFLICT, "environment", rule_environment_conflict },
	{ DIAG_SEAL_WITHOUT_LOCK, "memory.seal", rule_seal_without_lock },
	{ DIAG_SEAL_WITHOUT_HEAP, "memory.seal", rule_seal_without_heap },
	{ DIAG_SEAL_BEFORE_MAIN, "memory.seal", rule_seal_before_main },
	{ DIAG_FORK_WITH_SEAL, "fork", rule_fork_with_seal },
	{ DIAG_INJECT_NONE_STRICT, "inject", rule_inject_none_strict },
	{ DIAG_INJECT_NEEDS_LIBRARY, "inject", rule_inject_needs_library },
};

/* Where the strongest layer has the key; if none has it (a default is to blame), the process. */
static struct place place_of(const struct subject *s, const char *key) {
	const struct node *n;

	return layers_find(s->layers, key, &n) > 0 ? n->place : s->p->place;
}

/* A profile that's at fault is complained about once, not by each process that inherits it. */
static bool is_known(const struct diagnostics *d, const struct place *place, const char *id) {
	for (size_t i = 0; i < d->n_items; i++)
		if (d->items[i].line == place->line && d->items[i].column == place->column &&
			strcmp(d->items[i].id, id) == 0 &&
			strcmp(d->items[i].file, place->file) == 0)
			return true;
	return false;
}

void validate_process(
	const struct process_policy *p, const struct layers *layers, struct diagnostics *d) {
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct subject s = { .p = p, .layers = layers };
		struct place place;

		if (!rules[i].is_broken(&s))
			continue;
		place = place_of(&s, rules[i].key);
		if (is_known(d, &place, diagnostic_info(rules[i].id)->name))
			continue;
		diagnostics_add(d, &place, rules[i].id, "%s", s.message);
		if (s.hint[0])
			diagnostics_hint(d, "%s", s.hint);
	}
}
