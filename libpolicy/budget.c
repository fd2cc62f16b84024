/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The budget counts address space, as RLIMIT_MEMLOCK does: under a full lock, a thread's whole stack
 * and an arena's whole reservation are charged, however little of them is used.
 */
#include "libpolicy/budget.h"

static void add(struct budget *b, const char *what, uint64_t count, uint64_t unit_bytes,
	const char *source) {
	struct budget_line *line;
	uint64_t bytes;

	if (__builtin_mul_overflow(count, unit_bytes, &bytes))
		bytes = BYTES_UNLIMITED;
	if (bytes == 0 || b->n_lines == BUDGET_LINES_MAX)
		return;
	line = &b->lines[b->n_lines++];
	*line = (struct budget_line){
		.what = what,
		.count = count,
		.unit_bytes = unit_bytes,
		.bytes = bytes,
		.source = source,
	};
	if (__builtin_add_overflow(b->total_bytes, bytes, &b->total_bytes))
		b->total_bytes = BYTES_UNLIMITED;
}

static uint64_t further_arenas(const struct process_policy *p) {
	const struct heap_policy *h = &p->memory.heap;

	return h->allocator == ALLOCATOR_GLIBC && h->arenas > 1 ? h->arenas - 1 : 0;
}

/* As measured: the price of an allocator that keeps threads apart. */
static uint64_t allocator_extra(const struct heap_policy *h) {
	if (h->allocator == ALLOCATOR_JEMALLOC)
		return h->prealloc_bytes / 2 + JEMALLOC_EXTRA_BYTES;
	if (h->allocator == ALLOCATOR_MIMALLOC && h->prealloc_bytes)
		return mimalloc_reserved_bytes(h->prealloc_bytes) - h->prealloc_bytes;
	return 0;
}

void budget_compute(const struct process_policy *p, uint64_t image_bytes,
	uint64_t default_stack_bytes, struct budget *ret) {
	const struct stack_policy *stack = &p->memory.stack;
	uint64_t threads = stack->reserve > stack->expected_threads ? stack->reserve
								    : stack->expected_threads;
	struct budget b = { 0 };

	add(&b, "image", 1, image_bytes, "ELF headers");
	add(&b, "main stack", 1, stack->main_bytes, "memory.stack.main");
	if (stack->threads_bytes > 0)
		add(&b, "threads", threads, stack->threads_bytes, "memory.stack.threads");
	else
		add(&b, "threads", threads, default_stack_bytes, "default stack size");
	add(&b, "further arenas", further_arenas(p), ARENA_RESERVATION_BYTES, "memory.heap.arenas");
	/* huge pages are locked by nature, and not counted; the ordinary ones in their place are */
	if (!p->memory.heap.pages || p->memory.heap.pages_fallback == PAGES_FALLBACK_ALLOW)
		add(&b, "heap", 1, p->memory.heap.prealloc_bytes, "memory.heap.prealloc");
	add(&b, "allocator", 1, allocator_extra(&p->memory.heap), "memory.heap.allocator");
	add(&b, "margin", 1, b.total_bytes / 100 * BUDGET_MARGIN_PERCENT, "10 % of the above");
	*ret = b;
}
