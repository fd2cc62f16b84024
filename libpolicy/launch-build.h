/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_LAUNCH_BUILD_H
#define RTMEM_LIBPOLICY_LAUNCH_BUILD_H

/* A plan while it's being made: what the parts of launch_plan() share. Each part appends its steps;
 * 0 or -ENOMEM. */
#include "libpolicy/injection.h"
#include "libpolicy/launch.h"

struct build {
	const struct process_policy *p;
	const struct launch_facts *f;
	struct plan *plan;
	struct injection injection;
};

static inline int append_text(
	struct build *b, enum step_kind kind, const char *key, const char *text) {
	return plan_append(b->plan, kind, key, text) ? 0 : -ENOMEM;
}

static inline int append_number(
	struct build *b, enum step_kind kind, const char *key, int64_t number) {
	struct step *s = plan_append(b->plan, kind, key, NULL);

	if (!s)
		return -ENOMEM;
	s->number[0] = number;
	return 0;
}

int launch_add_environment(struct build *b);
/** GLIBC_TUNABLES: what malloc must be told before the program's first instruction. */
int launch_add_tunables(struct build *b);
/** Whether heap.allocator names another one than glibc's, and whether it's installed. */
bool launch_needs_allocator(const struct process_policy *p);
int launch_check_allocator(const struct process_policy *p, const struct launch_facts *f,
	const struct injection *i, struct launch_problem *problem);
/** Variables that tell allocators and runtimes to keep their memory. */
int launch_add_allocator(struct build *b);
/** The helper of ptrace, while the launcher's rights are there. */
int launch_add_tracer(struct build *b);
/** The injected library, and the order for whoever prepares the program. */
int launch_add_injection(struct build *b);

#endif
