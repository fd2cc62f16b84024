/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One row per rule: the id, the key to point at, and a predicate that says in words and numbers what
 * contradicts what. A rule looks at the process as it will be launched, so it doesn't matter whether
 * a value came from a profile.
 */
#include "libpolicy/validate.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>

#include "common/capability.h"
#include "common/plan.h"
#include "libpolicy/budget.h"

/* Smallest stack worth having: 16K that pthreads insist on, a guard page, thread-local storage of
 * libc and a few libraries, and a signal frame with the wide registers. */
#define THREAD_STACK_MIN_BYTES	   (32ull << 10)
#define THREAD_STACK_DEFAULT_BYTES (8ull << 20) /* glibc's under the usual RLIMIT_STACK */
#define ARENA_USABLE_BYTES	   (63ull << 20) /* of the 64M that a further arena may grow to */

struct subject {
	const struct process_policy *p;
	const struct layers *layers;
	char message[512];
	char hint[256];
};

struct rule {
	enum diagnostic_id id;
	const char *key;
	bool (*is_broken)(struct subject *s); /* then the message is filled in */
};

static bool say(struct subject *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void advise(struct subject *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool say(struct subject *s, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(s->message, sizeof(s->message), format, args);
	va_end(args);
	return true;
}

static void advise(struct subject *s, const char *format, ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(s->hint, sizeof(s->hint), format, args);
	va_end(args);
}

static bool is_finite(const struct limit *l) {
	return l->set && l->value != BYTES_UNLIMITED;
}

static bool is_realtime(const struct process_policy *p) {
	return p->scheduling.policy == SCHED_FIFO || p->scheduling.policy == SCHED_RR;
}

static bool holds(const struct process_policy *p, int capability) {
	return p->capabilities_set && (p->capabilities & CAPABILITY_BIT(capability));
}

/* ---- stacks and limits ------------------------------------------------------------------------- */

static bool stack_too_small(struct subject *s) {
	uint64_t bytes = s->p->memory.stack.threads_bytes;
	char text[UNITS_TEXT_MAX];

	if (bytes == 0 || bytes >= THREAD_STACK_MIN_BYTES)
		return false;
	advise(s, "256K suits most threads");
	return say(s,
		"memory.stack.threads is %s; allowed: 0 (glibc's default) or at least 32K, which is "
		"what pthreads, thread-local storage and a signal frame take",
		format_size(bytes, text));
}

static bool stack_unlimited(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_STACK];

	if (!l->set || l->value != BYTES_UNLIMITED)
		return false;
	advise(s, "8M is the usual limit");
	return say(s,
		"limits.stack can't be unlimited; allowed: a size, because glibc takes an "
		"unlimited stack for 2M of stack for each thread");
}

static bool stack_exceeds_limit(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_STACK];
	uint64_t bytes = s->p->memory.stack.main_bytes;
	char depth[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	if (!is_finite(l) || bytes <= l->value)
		return false;
	return say(s, "memory.stack.main is %s; allowed: at most limits.stack, which is %s",
		format_size(bytes, depth), format_size(l->value, limit));
}

/* ---- the lock and its limit -------------------------------------------------------------------- */

static void budget_of(const struct process_policy *p, struct budget *ret) {
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

	budget_of(p, ret);
	return p->memory.lock == LOCK_STRICT && is_finite(l) && l->value < ret->total_bytes;
}

static bool memlock_zero(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];

	if (s->p->memory.lock == LOCK_NONE || !l->set || l->value != 0 || holds(s->p, CAP_IPC_LOCK))
		return false;
	advise(s, "memlock: unlimited, or memory: { lock: none }");
	return say(s,
		"limits.memlock is 0, but memory.lock is %s; allowed: a limit that lets it lock",
		lock_mode_to_string(s->p->memory.lock));
}

static bool memlock_too_small(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];
	char limit[UNITS_TEXT_MAX], sum[256];
	struct budget b;

	if (!memlock_is_short(s->p, &b) || l->value == 0 || holds(s->p, CAP_IPC_LOCK))
		return false;
	budget_text(&b, sum, sizeof(sum));
	advise(s,
		"memlock: unlimited; or less to lock: memory.stack.threads: 256K, fewer "
		"memory.stack.expected_threads, a smaller memory.heap.prealloc");
	return say(s,
		"limits.memlock is %s, too small for a strict lock; allowed: at least the budget "
		"without the program itself, %s",
		format_size(l->value, limit), sum);
}

static bool memlock_void(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_MEMLOCK];
	char limit[UNITS_TEXT_MAX], sum[256];
	struct budget b;

	if (!memlock_is_short(s->p, &b) || !holds(s->p, CAP_IPC_LOCK))
		return false;
	budget_text(&b, sum, sizeof(sum));
	advise(s, "leave limits.memlock out");
	return say(s,
		"limits.memlock is %s, less than the budget (%s), and doesn't bind: the capability "
		"ipc_lock overrides it",
		format_size(l->value, limit), sum);
}

static bool prealloc_without_lock(struct subject *s) {
	if (s->p->memory.lock != LOCK_NONE || s->p->memory.heap.prealloc_bytes == 0)
		return false;
	return say(s,
		"memory.heap.prealloc without a lock: the pages are made present, but "
		"may be taken away again; memory.lock is none");
}

static bool arena_too_large(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;
	char share[UNITS_TEXT_MAX];

	if (h->arenas <= 1 || h->prealloc_bytes / h->arenas <= ARENA_USABLE_BYTES)
		return false;
	advise(s, "memory.heap.arenas: 1 has no such bound");
	return say(s,
		"memory.heap.prealloc shared between %u arenas is %s each; allowed: at most 63M, "
		"because an arena beside the main one can't grow beyond 64M",
		h->arenas, format_size_rounded(h->prealloc_bytes / h->arenas, share));
}

/* ---- scheduling -------------------------------------------------------------------------------- */

static bool priority_without_realtime(struct subject *s) {
	const struct scheduling_policy *c = &s->p->scheduling;

	if (c->priority == 0 || is_realtime(s->p))
		return false;
	return say(s,
		"scheduling.priority needs a real-time scheduler; allowed: policy fifo or "
		"rr, or no priority");
}

static bool realtime_without_priority(struct subject *s) {
	if (!is_realtime(s->p) || s->p->scheduling.priority > 0)
		return false;
	return say(s,
		"scheduling.policy is %s, but scheduling.priority is missing; allowed: 1 to "
		"99",
		s->p->scheduling.policy == SCHED_FIFO ? "fifo" : "rr");
}

static bool priority_exceeds_rtprio(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_RTPRIO];
	int priority = s->p->scheduling.priority;

	if (!is_finite(l) || (uint64_t)priority <= l->value || !is_realtime(s->p) || !s->p->user ||
		holds(s->p, CAP_SYS_NICE))
		return false;
	advise(s, "raise limits.rtprio, or give the program the capability sys_nice");
	return say(s,
		"scheduling.priority is %d; allowed: at most limits.rtprio, which is %" PRIu64
		", without the capability sys_nice",
		priority, l->value);
}

static bool nice_with_realtime(struct subject *s) {
	if (!s->p->scheduling.nice_set || !is_realtime(s->p))
		return false;
	return say(s, "scheduling.nice has no effect beside a real-time scheduler");
}

static bool oom_with_limit(struct subject *s) {
	static const int memory_limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_RSS };

	if (!s->p->oom_score_adjust_set || s->p->oom_score_adjust != -1000)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(memory_limits); i++)
		if (is_finite(&s->p->limits[memory_limits[i]])) {
			advise(s, "-999 protects as well, but leaves the kernel a way out");
			return say(s,
				"oom_score_adjust is -1000 beside a memory limit (limits.%s); "
				"allowed: -999 to 1000, or no such limit",
				rlimit_to_string(memory_limits[i]));
		}
	return false;
}

/* ---- readiness and restarts -------------------------------------------------------------------- */

/* A profile may bring `settle` along for those that settle; an own `settle` without it is a slip. */
static bool settle_unused(struct subject *s) {
	const struct node *n;
	size_t settle = layers_find(s->layers, "ready.settle", &n);
	size_t when = layers_find(s->layers, "ready.when", &n);

	if (s->p->ready.when == READY_SETTLE || settle == 0 || settle < when)
		return false;
	return say(s, "ready.settle has no meaning with ready.when: %s; allowed: when: settle",
		ready_when_to_string(s->p->ready.when));
}

static bool settle_exceeds_timeout(struct subject *s) {
	const struct ready_policy *r = &s->p->ready;
	char settle[UNITS_TEXT_MAX], timeout[UNITS_TEXT_MAX];

	if (r->when != READY_SETTLE || r->settle_usec < r->timeout_usec)
		return false;
	return say(s,
		"ready.timeout is %s, but the program must be quiet for %s (ready.settle) before it; "
		"allowed: a longer timeout",
		format_duration(r->timeout_usec, timeout), format_duration(r->settle_usec, settle));
}

static bool restart_limit_unreachable(struct subject *s) {
	const struct restart_policy *r = &s->p->restart;
	char delay[UNITS_TEXT_MAX], window[UNITS_TEXT_MAX];

	if (r->when == RESTART_NO || r->limit == 0 || r->delay_usec * r->limit < r->window_usec)
		return false;
	advise(s, "a longer window, a shorter delay or a lower limit");
	return say(s,
		"%u restarts with a delay of %s don't fit into a window of %s, so that "
		"restart.limit is never reached",
		r->limit, format_duration(r->delay_usec, delay),
		format_duration(r->window_usec, window));
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

static bool environment_conflict(struct subject *s) {
	const struct heap_policy *h = &s->p->memory.heap;
	const char *tunables = strv_env_get(s->p->environment, "GLIBC_TUNABLES");

	for (size_t i = 0; i < ARRAY_LEN(heap_variables); i++) {
		const struct heap_variable *v = &heap_variables[i];
		const char *text = strv_env_get(s->p->environment, v->variable);
		uint64_t value = 0;
		bool set = find_tunable(tunables, v->tunable, &value) ||
			(text && parse_u64(text, &value) == 0);

		if (!set || (v->is_arenas ? value == h->arenas : h->prealloc_bytes == 0))
			continue;
		return say(s, "environment sets %s, which overrides what memory.heap asks for",
			text ? v->variable : v->tunable);
	}
	return false;
}

/* ------------------------------------------------------------------------------------------------ */

static const struct rule rules[] = {
	{ DIAG_STACK_TOO_SMALL, "memory.stack.threads", stack_too_small },
	{ DIAG_STACK_UNLIMITED, "limits.stack", stack_unlimited },
	{ DIAG_STACK_EXCEEDS_LIMIT, "memory.stack.main", stack_exceeds_limit },
	{ DIAG_MEMLOCK_ZERO, "limits.memlock", memlock_zero },
	{ DIAG_MEMLOCK_TOO_SMALL, "limits.memlock", memlock_too_small },
	{ DIAG_MEMLOCK_VOID, "limits.memlock", memlock_void },
	{ DIAG_PREALLOC_WITHOUT_LOCK, "memory.heap.prealloc", prealloc_without_lock },
	{ DIAG_ARENA_TOO_LARGE, "memory.heap.arenas", arena_too_large },
	{ DIAG_PRIORITY_WITHOUT_REALTIME, "scheduling.priority", priority_without_realtime },
	{ DIAG_REALTIME_WITHOUT_PRIORITY, "scheduling.policy", realtime_without_priority },
	{ DIAG_PRIORITY_EXCEEDS_RTPRIO, "scheduling.priority", priority_exceeds_rtprio },
	{ DIAG_NICE_WITH_REALTIME, "scheduling.nice", nice_with_realtime },
	{ DIAG_OOM_WITH_LIMIT, "oom_score_adjust", oom_with_limit },
	{ DIAG_SETTLE_UNUSED, "ready.settle", settle_unused },
	{ DIAG_SETTLE_EXCEEDS_TIMEOUT, "ready.timeout", settle_exceeds_timeout },
	{ DIAG_RESTART_LIMIT_UNREACHABLE, "restart.limit", restart_limit_unreachable },
	{ DIAG_ENVIRONMENT_CONFLICT, "environment", environment_conflict },
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
