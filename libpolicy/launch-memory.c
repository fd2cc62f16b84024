/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to happen inside the program: malloc's settings by GLIBC_TUNABLES, because they work before
 * any constructor; the lock, the heap and the stacks by the injected library, because execve() drops
 * locks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/handoff.h"
#include "libpolicy/launch-build.h"

#define STACK_CACHE_DEFAULT_BYTES (UINT64_C(40) << 20) /* glibc's */
#define GUARD_BYTES		  (UINT64_C(64) << 10) /* one page, of the largest size */
#define STACK_UNLIMITED_BYTES	  (UINT64_C(2) << 20) /* glibc's default stack under no limit */

static bool core_is_off(const struct process_policy *p) {
	return p->limits[RLIMIT_CORE].set && p->limits[RLIMIT_CORE].value == 0;
}

bool launch_needs_injection(const struct process_policy *p) {
	const struct memory_policy *m = &p->memory;
	/* main_bytes has a default, so that only a policy that writes `stack:` asks for it alone */
	bool stack = m->stack.threads_bytes || (m->stack.main_bytes && m->stack.place.line);

	return m->lock != LOCK_NONE || m->heap.prealloc_bytes || m->heap.pages ||
		launch_needs_allocator(p) || stack || core_is_off(p) || p->fork == FORK_DENY ||
		p->fork == FORK_PRECOPY || m->seal == SEAL_DENY;
}

static uint64_t thread_stack_bytes(const struct build *b) {
	uint64_t wanted = b->p->memory.stack.threads_bytes;
	const struct limit *l = &b->p->limits[RLIMIT_STACK];
	uint64_t limit = l->set ? l->value : b->f->limits[RLIMIT_STACK].rlim_cur;

	if (wanted)
		return wanted;
	return limit == BYTES_UNLIMITED || limit == RLIM_INFINITY ? STACK_UNLIMITED_BYTES : limit;
}

/* A stack that the C library can't unmap is the end of the program (abort), so none is ever unmapped. */
static int add_endless_stack_cache(struct build *b) {
	return append_text(b, STEP_TUNABLE, "memory.seal",
		"glibc.pthread.stack_cache_size=18446744073709551615");
}

/* Stacks of ended threads stay for the next ones: what is locked and present needn't be made so again.
 * One more than wished, because glibc lets go as soon as the limit is passed; guards count too. */
static int add_stack_cache(struct build *b) {
	const struct stack_policy *stack = &b->p->memory.stack;
	uint64_t n = stack->reserve > stack->expected_threads ? stack->reserve
							      : stack->expected_threads;
	char text[64];
	uint64_t bytes;

	if (b->p->memory.seal == SEAL_DENY)
		return add_endless_stack_cache(b);
	if (b->p->memory.lock == LOCK_NONE ||
		__builtin_mul_overflow(n + 1, thread_stack_bytes(b) + GUARD_BYTES, &bytes) ||
		bytes <= STACK_CACHE_DEFAULT_BYTES)
		return 0;
	snprintf(text, sizeof(text), "glibc.pthread.stack_cache_size=%" PRIu64, bytes);
	return append_text(b, STEP_TUNABLE,
		stack->reserve ? "memory.stack.reserve" : "memory.stack.expected_threads", text);
}

static const uint64_t heap_page_bytes[HEAP_PAGES_MAX] = {
	[HEAP_PAGES_2M] = UINT64_C(2) << 20,
	[HEAP_PAGES_1G] = UINT64_C(1) << 30,
};

/* Memory that malloc once had stays in the one heap, and big blocks come from there too. */
static int add_malloc_tunables(struct build *b) {
	const struct heap_policy *h = &b->p->memory.heap;
	char text[64];
	int r;

	if ((b->p->memory.lock == LOCK_NONE && b->p->memory.seal != SEAL_DENY &&
		    !h->prealloc_bytes && !h->pages) ||
		launch_needs_allocator(b->p))
		return 0;
	if (b->injection.way == WAY_PTRACE && !injection_tunables_work(b->f))
		return 0;
	snprintf(text, sizeof(text), "glibc.malloc.arena_max=%" PRIu32, heap_arenas(h));
	r = append_text(b, STEP_TUNABLE, "memory.heap.arenas", text);
	if (r == 0 && h->pages && b->injection.way == WAY_PRELOAD) {
		snprintf(text, sizeof(text), "glibc.malloc.hugetlb=%" PRIu64,
			heap_page_bytes[h->pages]);
		r = append_text(b, STEP_TUNABLE, "memory.heap.pages", text);
	}
	if (r == 0)
		r = append_text(b, STEP_TUNABLE, "memory.heap", "glibc.malloc.mmap_max=0");
	if (r == 0)
		r = append_text(b, STEP_TUNABLE, "memory.heap",
			"glibc.malloc.trim_threshold=18446744073709551615");
	if (r == 0 && b->injection.way == WAY_PTRACE && h->prealloc_bytes) {
		snprintf(text, sizeof(text), "glibc.malloc.top_pad=%" PRIu64, h->prealloc_bytes);
		r = append_text(b, STEP_TUNABLE, "memory.heap.prealloc", text);
	}
	return r;
}

int launch_add_tunables(struct build *b) {
	int r = add_malloc_tunables(b);

	return r < 0 ? r : add_stack_cache(b);
}

static enum init_lock init_lock_of(enum lock_mode mode) {
	static const enum init_lock table[LOCK_MODE_MAX] = {
		[LOCK_NONE] = INIT_LOCK_NONE,
		[LOCK_STRICT] = INIT_LOCK_STRICT,
		[LOCK_BALANCED] = INIT_LOCK_BALANCED,
		[LOCK_ONFAULT] = INIT_LOCK_ONFAULT,
	};

	return table[mode];
}

_Static_assert((int)FORK_DENY == (int)INIT_FORK_DENY && (int)FORK_MODE_MAX == INIT_FORK_DENY + 1,
	"enum fork_mode and enum init_fork name the same things");
_Static_assert((int)ALLOCATOR_MIMALLOC == (int)INIT_ALLOCATOR_MIMALLOC &&
		(int)ALLOCATOR_MAX == INIT_ALLOCATOR_MIMALLOC + 1,
	"enum heap_allocator and enum init_allocator name the same things");

int launch_add_tracer(struct build *b) {
	return b->injection.way == WAY_PTRACE ? append_text(b, STEP_TRACE, "inject", NULL) : 0;
}

/* What won't be done goes with the order, so that it's told where the program runs. */
static int append_order(struct build *b, const char *text) {
	struct step *s = plan_append(b->plan, STEP_INIT, "memory", text);
	char why[REPORT_TEXT_MAX] = "";
	size_t used = 0;

	if (!s)
		return -ENOMEM;
	if (b->injection.way == WAY_NONE)
		snprintf(why, sizeof(why), "%s", b->injection.why);
	for (unsigned i = 0; i < b->injection.n_notes && used < sizeof(why); i++)
		used += (size_t)snprintf(why + used, sizeof(why) - used, "%s%s", i ? "; " : "",
			b->injection.notes[i]);
	if (!why[0])
		return 0;
	s->why = strdup(why);
	return s->why ? 0 : -ENOMEM;
}

int launch_add_injection(struct build *b) {
	const struct memory_policy *m = &b->p->memory;
	struct init_order order = {
		.lock = init_lock_of(m->lock),
		.heap_prealloc_bytes = m->heap.prealloc_bytes,
		.arenas = heap_arenas(&m->heap),
		.allocator = (enum init_allocator)m->heap.allocator,
		.heap_page_bytes = heap_page_bytes[m->heap.pages],
		.heap_page_fallback = m->heap.pages_fallback == PAGES_FALLBACK_ALLOW,
		.host_reserve_bytes = m->host_reserve_bytes,
		.main_stack_bytes = m->stack.main_bytes,
		.thread_stack_bytes = m->stack.threads_bytes,
		.stack_reserve = m->stack.reserve,
		.non_dumpable = core_is_off(b->p),
		.fork = (enum init_fork)b->p->fork,
		.children = b->p->children == CHILDREN_INHERIT,
		.seal = m->seal == SEAL_DENY,
		/* children have no daemon to tell them when */
		.settle_usec = b->f->report_fd < 0 || b->p->children == CHILDREN_INHERIT
			? b->p->ready.settle_usec
			: 0,
		.report_fd = b->f->report_fd,
	};
	char text[INIT_ORDER_TEXT_MAX];
	int r;

	if (b->injection.way == WAY_NOT_NEEDED)
		return 0;
	if (m->lock != LOCK_BALANCED && m->seal != SEAL_DENY)
		order.settle_usec = 0;
	r = init_order_format(&order, text, sizeof(text));
	if (r == 0 && b->injection.way == WAY_PRELOAD)
		r = append_text(b, STEP_PRELOAD, "memory", b->f->init_library);
	if (r == 0 && launch_needs_allocator(b->p) && b->injection.way == WAY_PRELOAD)
		r = append_text(b, STEP_PRELOAD, "memory.heap.allocator", b->f->allocator_library);
	return r < 0 ? r : append_order(b, text);
}
