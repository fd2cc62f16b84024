/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STACKS_H
#define RTMEM_DAEMON_STACKS_H

/*
 * How deep each thread of a managed process has used its stack. Looked at when it becomes ready, for who
 * asks, and in the slow round where a policy sets a margin; never for an ordinary sample.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/stack.h"

#define STACKS_MAX 256 /* threads whose stacks are followed */

struct stack {
	pid_t tid;
	bool alive; /* seen in the present round */
	bool known; /* looked at from end to end once: deepest is true */
	bool ours; /* of the thread that libinit made: no business of the policy */
	struct stack_range range;
	uint64_t deepest; /* lowest address that was used */
	uint64_t next; /* where a look that ended early goes on */
};

struct stacks {
	struct stack *items;
	size_t n_items;
	size_t next; /* whose turn it is */
};

void stacks_done(struct stacks *s);
/** Looks at threads that are new, then at as much of the stacks as the budget allows. */
void stacks_look(struct stacks *s, pid_t pid, size_t *budget_bytes);
/** NULL: not known (yet). */
const struct stack *stacks_find(const struct stacks *s, pid_t tid);
/** The program's one with the least left, NULL without any. */
const struct stack *stacks_tightest(const struct stacks *s);

static inline uint64_t stack_size(const struct stack *s) {
	return s->range.end - s->range.start;
}
static inline uint64_t stack_left(const struct stack *s) {
	return s->deepest - s->range.start;
}

#endif
