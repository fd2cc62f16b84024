/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_RULES_H
#define RTMEM_LIBPOLICY_RULES_H

/* The predicates behind validate.c: true means broken, and the subject says how and what to do. */
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>

#include "common/capability.h"
#include "libpolicy/inherit.h"
#include "libpolicy/policy.h"

struct subject {
	const struct process_policy *p;
	const struct layers *layers;
	char message[512];
	char hint[256];
};

/** Fills in the message; always true, so that a predicate can end with it. */
bool rule_say(struct subject *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rule_advise(struct subject *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool is_finite(const struct limit *l) {
	return l->set && l->value != BYTES_UNLIMITED;
}

static inline bool is_realtime(const struct process_policy *p) {
	return p->scheduling.policy == SCHED_FIFO || p->scheduling.policy == SCHED_RR;
}

static inline bool holds(const struct process_policy *p, int capability) {
	return p->capabilities_set && (p->capabilities & CAPABILITY_BIT(capability));
}

/* rules-cgroup.c */
bool rule_cgroup_max_too_small(struct subject *s);
bool rule_cgroup_protects_beyond_max(struct subject *s);
/* rules-memory.c */
struct budget;
/** Of a policy alone, without the program's image. */
void rule_budget(const struct process_policy *p, struct budget *ret);
bool rule_stack_too_small(struct subject *s);
bool rule_stack_unlimited(struct subject *s);
bool rule_stack_exceeds_limit(struct subject *s);
bool rule_memlock_zero(struct subject *s);
bool rule_memlock_too_small(struct subject *s);
bool rule_memlock_void(struct subject *s);
bool rule_prealloc_without_lock(struct subject *s);
bool rule_reserve_without_lock(struct subject *s);
bool rule_arena_too_large(struct subject *s);
bool rule_pages_without_glibc(struct subject *s);
bool rule_pages_with_arenas(struct subject *s);
bool rule_fallback_without_pages(struct subject *s);
bool rule_arenas_of_mimalloc(struct subject *s);
bool rule_environment_conflict(struct subject *s);
/* rules-running.c */
bool rule_priority_without_realtime(struct subject *s);
bool rule_realtime_without_priority(struct subject *s);
bool rule_priority_exceeds_rtprio(struct subject *s);
bool rule_nice_with_realtime(struct subject *s);
bool rule_oom_with_limit(struct subject *s);
bool rule_settle_unused(struct subject *s);
bool rule_settle_exceeds_timeout(struct subject *s);
bool rule_restart_limit_unreachable(struct subject *s);

/* rules-seal.c */
bool rule_seal_without_lock(struct subject *s);
bool rule_seal_without_heap(struct subject *s);
bool rule_seal_before_main(struct subject *s);
bool rule_fork_with_seal(struct subject *s);
/* rules-injection.c */
bool rule_inject_none_strict(struct subject *s);
bool rule_inject_needs_library(struct subject *s);

#endif
