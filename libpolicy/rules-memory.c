/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about stacks, the lock, its limit and the heap. */
#include "libpolicy/rules.h"

#include <inttypes.h>
#include <string.h>

#include "libpolicy/budget.h"

/* Smallest stack worth having: 16K that pthreads insist on, a guard page, thread-local storage of
 * libc and a few libraries, and a signal frame with the wide registers. */
#define THREAD_STACK_MIN_BYTES	   (32ull << 10)
#define THREAD_STACK_DEFAULT_BYTES (8ull << 20) /* glibc's under the usual RLIMIT_STACK */
#define ARENA_USABLE_BYTES	   (63ull << 20) /* of the 64M that a further arena may grow to */

/* ---- stacks and limits ------------------------------------------------------------------------- */

bool rule_stack_too_small(struct subject *s) {
	uint64_t bytes = s->p->memory.stack.threads_bytes;
	char text[UNITS_TEXT_MAX];

	if (bytes == 0 || bytes >= THREAD_STACK_MIN_BYTES)
		return false;
	rule_advise(s, "256K suits most threads");
	return rule_say(s,
		"memory.stack.threads is %s; allowed: 0 (glibc's default) or at least 32K, which is "
		"what pthreads, thread-local storage and a signal frame take",
		format_size(bytes, text));
}

bool rule_stack_unlimited(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_STACK];

	if (!l->set || l->value != BYTES_UNLIMITED)
		return false;
	rule_advise(s, "8M is the usual limit");
	return rule_say(s,
		"limits.stack can't be unlimited; allowed: a size, because glibc takes an "
		"unlimited stack for 2M of stack for each thread");
}

bool rule_stack_exceeds_limit(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_STACK];
	uint64_t bytes = s->p->memory.stack.main_bytes;
	char depth[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	if (!is_finite(l) || bytes <= l->value)
		return false;
	return rule_say(s, "memory.stack.main is %s; allowed: at most limits.stack, which is %s",
		format_size(bytes, depth), format_size(l->value, limit));
}

/* ---- the lock and its limit -------------------------------------------------------------------- */

void rule_budget(const struct process_policy *p, struct budget *ret) {
	uint64_t stack = is_finite(&p->limits[RLIMIT_STACK]) ? p->limits[RLIMIT_STACK].value
							     : THREAD_STACK_DEFAULT_BYTES;

	budget_compute(p, 0, stack, ret);
}

/* As exact as is readable: "8M", "6.5M". */
static const char *short_size(uint64_t bytes, char buf[static UNITS_TEXT_MAX]) {
	return strlen(format_size(bytes, buf)) <= 5 ? buf : format_size_rounded(bytes, buf);
}

static void budget_text(const struct budget *b, char *buf, size_t size) {
	char total[UNITS_TEXT_MAX], unit[UNITS_TEXT_MAX];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < b->n_lines && used < size; i++) {
		const struct budget_line *l = &b->lines[i];
		int n = snprintf(buf + used, size - used, "%s%s ", i ? " + " : "", l->what);

		used += (size_t)n;
		if (l->count > 1 && used < size)
			used += (size_t)snprintf(
				buf + used, size - used, "%" PRIu64 " x ", l->count);
		if (used < size)
			used += (size_t)snprintf(
				buf + used, size - used, "%s", short_size(l->unit_bytes, unit));
	}
	if (used < size)
		snprintf(buf + used, size - used, " = %s", short_size(b->total_bytes, total));
}

static bool memlock_is_short(const struct process_policy *p, struct budget *ret) {
	const struct limit *l = &p->limits[RLIMIT_MEMLOCK];

	rule_budget(p, ret);
	return p->memory.lock == LOCK_STRICT && is_finite(l) && l->value < ret->total_bytes;
}

bool rule_memlock_zero(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];

	if (s->p->memory.lock == LOCK_NONE || !l->set || l->value != 0 || holds(s->p, CAP_IPC_LOCK))
		return false;
	rule_advise(s, "memlock: unlimited, or memory: { lock: none }");
	return rule_say(s,
		"limits.memlock is 0, but memory.lock is %s; allowed: a limit that lets it lock",
		lock_mode_to_string(s->p->memory.lock));
}

bool rule_memlock_too_small(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];
	char limit[UNITS_TEXT_MAX], sum[256];
	struct budget b;

	if (!memlock_is_short(s->p, &b) || l->value == 0 || holds(s->p, CAP_IPC_LOCK))
		return false;
	budget_text(&b, sum, sizeof(sum));
	rule_advise(s,
		"memlock: unlimited; or less to lock: memory.stack.threads: 256K, fewer "
		"memory.stack.expected_threads, a smaller memory.heap.prealloc");
	return rule_say(s,
		"limits.memlock is %s, too small for a strict lock; allowed: at least the budget "
		"without the program itself, %s",
		format_size(l->value, limit), sum);
}

bool rule_memlock_void(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];
	char limit[UNITS_TEXT_MAX], sum[256];
	struct budget b;

	if (!memlock_is_short(s->p, &b) || !holds(s->p, CAP_IPC_LOCK))
		return false;
	budget_text(&b, sum, sizeof(sum));
	rule_advise(s, "leave limits.memlock out");
	return rule_say(s,
		"limits.memlock is %s, less than the budget (%s), and doesn't bind: the capability "
		"ipc_lock overrides it",
		format_size(l->value, limit), sum);
}

bool rule_prealloc_without_lock(struct subject *s) {
	if (s->p->memory.lock != LOCK_NONE || s->p->memory.heap.prealloc_bytes == 0)
		return false;
	return rule_say(s,
		"memory.heap.prealloc without a lock: the pages are made present, but "
		"may be taken away again; memory.lock is none");
}

/* The C library drops the pages of a stack that ends, unless they are locked. */
bool rule_reserve_without_lock(struct subject *s) {
	if (s->p->memory.lock != LOCK_NONE || s->p->memory.stack.reserve == 0)
		return false;
	rule_advise(s, "memory: { lock: strict }, or leave memory.stack.reserve out");
	return rule_say(s,
		"memory.stack.reserve without a lock: stacks made ahead don't stay; memory.lock is "
		"none; allowed with it: 0");
}

bool rule_arena_too_large(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;
	char share[UNITS_TEXT_MAX];

	if (h->allocator != ALLOCATOR_GLIBC || h->arenas <= 1 ||
		h->prealloc_bytes / h->arenas <= ARENA_USABLE_BYTES)
		return false;
	rule_advise(s, "memory.heap.arenas: 1 has no such bound");
	return rule_say(s,
		"memory.heap.prealloc shared between %u arenas is %s each; allowed: at most 63M, "
		"because an arena beside the main one can't grow beyond 64M",
		h->arenas, format_size_rounded(h->prealloc_bytes / h->arenas, share));
}

bool rule_pages_without_glibc(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;

	if (!h->pages || h->allocator == ALLOCATOR_GLIBC)
		return false;
	rule_advise(s, "allocator: glibc, or leave pages out");
	return rule_say(s,
		"memory.heap.pages is set, and memory.heap.allocator isn't glibc; allowed: huge pages "
		"with glibc's malloc, which alone takes its whole heap from them");
}

bool rule_pages_with_arenas(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;

	if (!h->pages || h->arenas <= 1)
		return false;
	return rule_say(s,
		"memory.heap.arenas is %u with huge pages; allowed: 1, because an arena beside the main "
		"one can't grow beyond four of them",
		h->arenas);
}

bool rule_fallback_without_pages(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;

	if (h->pages || h->pages_fallback == PAGES_FALLBACK_REFUSE)
		return false;
	return rule_say(s, "memory.heap.pages_fallback has no effect without memory.heap.pages");
}

bool rule_arenas_of_mimalloc(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;

	if (h->allocator != ALLOCATOR_MIMALLOC || !h->arenas)
		return false;
	rule_advise(s, "leave arenas out");
	return rule_say(s,
		"memory.heap.arenas has no effect with mimalloc, which has a heap for each thread");
}

/* ---- environment ------------------------------------------------------------------------------- */

struct heap_variable {
	const char *variable;
	const char *tunable; /* the same in GLIBC_TUNABLES */
	bool is_arenas; /* else one that works against prealloc */
};

static const struct heap_variable heap_variables[] = {
	{ "MALLOC_ARENA_MAX", "glibc.malloc.arena_max", true },
	{ "MALLOC_MMAP_MAX_", "glibc.malloc.mmap_max", false },
	{ "MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold", false },
	{ "MALLOC_TRIM_THRESHOLD_", "glibc.malloc.trim_threshold", false },
	{ "MALLOC_TOP_PAD_", "glibc.malloc.top_pad", false },
};

/* The value of a tunable in "a=1:b=2", up to the next colon, as a number; false if it isn't there. */
static bool find_tunable(const char *tunables, const char *name, uint64_t *ret) {
	_cleanup_strv_ char **items = NULL;

	if (!tunables || strv_split(tunables, ":", &items) < 0)
		return false;
	return strv_env_get(items, name) && parse_u64(strv_env_get(items, name), ret) == 0;
}

bool rule_environment_conflict(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;
	const char *tunables = strv_env_get(s->p->environment, "GLIBC_TUNABLES");

	for (size_t i = 0; i < ARRAY_LEN(heap_variables); i++) {
		const struct heap_variable *v = &heap_variables[i];
		const char *text = strv_env_get(s->p->environment, v->variable);
		uint64_t value = 0;
		bool set = find_tunable(tunables, v->tunable, &value) ||
			(text && parse_u64(text, &value) == 0);

		if (!set || (v->is_arenas ? value == heap_arenas(h) : h->prealloc_bytes == 0))
			continue;
		return rule_say(s, "environment sets %s, which overrides what memory.heap asks for",
			text ? v->variable : v->tunable);
	}
	return false;
}
