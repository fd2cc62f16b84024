/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocators other than glibc's: those that the policy asks for, which are preloaded behind our own
 * library, and those that a program is linked with. Both are told by their own documented variables to
 * keep the memory that they have; what the user says in the same variable comes last and so wins. A
 * runtime with a heap of its own gets what it documents, and a note says what can't apply to it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"
#include "libpolicy/budget.h"
#include "libpolicy/launch-build.h"
#include "libpolicy/launch-notes.h"
#include "libpolicy/rights.h"

/* No oversized blocks in an arena of their own, and no limit to how small a piece may be cut from a
 * large free one: else the memory made present at the start would serve large requests alone. */
#define JEMALLOC_KEEPS                                              \
	"dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0," \
	"lg_extent_max_active_fit:63"

static const char *const packages[ALLOCATOR_MAX] = {
	[ALLOCATOR_JEMALLOC] = "libjemalloc.so.2 isn't installed: it's in the package libjemalloc2 "
			       "(Debian, Ubuntu) or jemalloc (Fedora, Arch)",
	[ALLOCATOR_MIMALLOC] = "libmimalloc.so.2 isn't installed: it's in the package "
			       "libmimalloc2.0 (Debian, Ubuntu) or mimalloc (Fedora, Arch)",
};

bool launch_needs_allocator(const struct process_policy *p) {
	return p->memory.heap.allocator != ALLOCATOR_GLIBC;
}

int launch_check_allocator(const struct process_policy *p, const struct launch_facts *f,
	const struct injection *i, struct launch_problem *problem) {
	enum heap_allocator wanted = p->memory.heap.allocator;

	if (!launch_needs_allocator(p) || i->way != WAY_PRELOAD || f->allocator_library)
		return 0;
	return launch_refuse(problem, -ENOENT, "memory.heap.allocator", "%s", packages[wanted]);
}

/* Whose variables the program will read: what the policy loads, else what it is linked with. */
static enum preflight_allocator allocator_of(
	const struct process_policy *p, const struct launch_facts *f) {
	static const enum preflight_allocator wanted[ALLOCATOR_MAX] = {
		[ALLOCATOR_JEMALLOC] = PREFLIGHT_ALLOCATOR_JEMALLOC,
		[ALLOCATOR_MIMALLOC] = PREFLIGHT_ALLOCATOR_MIMALLOC,
	};

	if (launch_needs_allocator(p))
		return wanted[p->memory.heap.allocator];
	return f->target_known ? f->target.allocator : PREFLIGHT_ALLOCATOR_LIBC;
}

enum merge {
	MERGE_NOT, /* the user's own value, if there is one, is left as it is */
	MERGE_COMMA, /* joined by a comma */
	MERGE_FOR_MAIN, /* joined by a blank, and read only when the program runs */
	MERGE_NOT_FOR_MAIN,
	MERGE_MAX
};

static int append_setting(struct build *b, enum merge how, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int append_setting(struct build *b, enum merge how, const char *format, ...) {
	static const unsigned char separators[MERGE_MAX] = {
		[MERGE_COMMA] = ',', [MERGE_FOR_MAIN] = ' '
	};
	char text[512];
	struct step *s;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	s = plan_append(b->plan, STEP_ENV_MERGE,
		launch_needs_allocator(b->p) ? "memory.heap.allocator" : "memory.heap", text);
	if (!s)
		return -ENOMEM;
	s->number[0] = separators[how];
	s->number[1] = how >= MERGE_FOR_MAIN;
	return 0;
}

static int set_jemalloc(struct build *b) {
	uint32_t arenas = b->p->memory.heap.arenas;

	if (arenas)
		return append_setting(
			b, MERGE_COMMA, "MALLOC_CONF=" JEMALLOC_KEEPS ",narenas:%" PRIu32, arenas);
	return append_setting(b, MERGE_COMMA, "MALLOC_CONF=" JEMALLOC_KEEPS);
}

/* Both generations: up to 2.0 it decommits unless forbidden, from 2.1 on it purges after a delay. */
static int set_mimalloc(struct build *b) {
	static const char *const settings[] = {
		"MIMALLOC_ALLOW_DECOMMIT=0",
		"MIMALLOC_PAGE_RESET=0",
		"MIMALLOC_EAGER_COMMIT_DELAY=0",
		"MIMALLOC_PURGE_DELAY=-1",
	};
	uint64_t bytes = b->p->memory.heap.prealloc_bytes;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(settings) && r == 0; i++)
		r = append_setting(b, MERGE_NOT, "%s", settings[i]);
	if (r < 0 || !bytes)
		return r;
	return append_setting(b, MERGE_NOT, "MIMALLOC_RESERVE_OS_MEMORY=%" PRIu64 "K",
		mimalloc_reserved_bytes(bytes) >> 10);
}

static int set_tcmalloc(struct build *b) {
	return append_setting(b, MERGE_NOT, "TCMALLOC_RELEASE_RATE=0");
}

static int set_nothing(struct build *b) {
	return 0;
}

/* The JVM refuses an initial heap larger than the largest, which the user may have set. */
static bool sets_heap_size(const struct process_policy *p) {
	if (strv_env_get(p->environment, "JDK_JAVA_OPTIONS") ||
		strv_env_get(p->environment, "JAVA_TOOL_OPTIONS"))
		return true;
	STRV_FOREACH (argument, p->command)
		if (strncmp(*argument, "-Xm", 3) == 0 || strncmp(*argument, "-XX:M", 5) == 0 ||
			strncmp(*argument, "-XX:I", 5) == 0)
			return true;
	return false;
}

static int set_jvm(struct build *b) {
	uint64_t bytes = b->p->memory.heap.prealloc_bytes;

	if (bytes && !sets_heap_size(b->p))
		return append_setting(b, MERGE_NOT_FOR_MAIN,
			"JDK_JAVA_OPTIONS=-XX:+AlwaysPreTouch -Xms%" PRIu64 "m",
			(bytes + (1u << 20) - 1) >> 20);
	return append_setting(b, MERGE_FOR_MAIN, "JDK_JAVA_OPTIONS=-XX:+AlwaysPreTouch");
}

static bool is_concerned(const struct process_policy *p) {
	return p->memory.lock != LOCK_NONE || p->memory.heap.prealloc_bytes ||
		launch_needs_allocator(p);
}

int launch_add_allocator(struct build *b) {
	static int (*const set[PREFLIGHT_ALLOCATOR_MAX])(struct build *) = {
		[PREFLIGHT_ALLOCATOR_LIBC] = set_nothing,
		[PREFLIGHT_ALLOCATOR_JEMALLOC] = set_jemalloc,
		[PREFLIGHT_ALLOCATOR_MIMALLOC] = set_mimalloc,
		[PREFLIGHT_ALLOCATOR_TCMALLOC] = set_tcmalloc,
	};
	int r;

	if (!is_concerned(b->p))
		return 0;
	r = set[allocator_of(b->p, b->f)](b);
	if (r == 0 && b->f->target_known && b->f->target.runtime == RUNTIME_JVM)
		r = set_jvm(b);
	return r;
}

/* ---- notes ------------------------------------------------------------------------------------- */

static void note(struct launch_notes *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct launch_notes *n, const char *format, ...) {
	va_list ap;

	if (n->n == LAUNCH_NOTES_MAX)
		return;
	va_start(ap, format);
	(void)vsnprintf(n->text[n->n++], LAUNCH_NOTE_MAX, format, ap);
	va_end(ap);
}

/* Advice that takes the library is for programs that take it. */
static bool may_take_another(const struct process_policy *p, const struct launch_facts *f) {
	return p->inject != INJECT_PTRACE && p->inject != INJECT_NONE &&
		(!f->target_known || f->target.obstacle == OBSTACLE_NONE);
}

static void note_glibc(
	const struct process_policy *p, const struct launch_facts *f, struct launch_notes *n) {
	const struct heap_policy *h = &p->memory.heap;

	if (heap_arenas(h) > 1)
		note(n,
			"malloc: glibc with %" PRIu32 " arenas, one for each of that many threads; "
			"further threads share them and wait for one another",
			h->arenas);
	else if (!may_take_another(p, f))
		note(n,
			"malloc: glibc with one arena, right for a program with a single real-time "
			"thread; other threads that allocate beside it make it wait for their lock");
	else
		note(n,
			"malloc: glibc with one arena, right for a program with a single real-time "
			"thread; where other threads allocate beside it, heap: { allocator: jemalloc "
			"} (or mimalloc) keeps it from waiting for their lock");
}

static void note_wanted(
	const struct heap_policy *h, const struct launch_facts *f, struct launch_notes *n) {
	bool jemalloc = h->allocator == ALLOCATOR_JEMALLOC;

	note(n, "malloc: %s (%s), for programs whose threads allocate at the same time; %s",
		jemalloc ? "jemalloc" : "mimalloc",
		f->allocator_library ? f->allocator_library : "not installed",
		jemalloc ? "heap.prealloc is divided among its arenas (four for each CPU unless "
			   "heap.arenas says otherwise)"
			 : "each thread takes at least one segment of 32M from heap.prealloc");
}

static void note_foreign(const struct launch_facts *f, struct launch_notes *n) {
	static const char *const variable[PREFLIGHT_ALLOCATOR_MAX] = {
		[PREFLIGHT_ALLOCATOR_JEMALLOC] = "MALLOC_CONF",
		[PREFLIGHT_ALLOCATOR_TCMALLOC] = "TCMALLOC_RELEASE_RATE",
		[PREFLIGHT_ALLOCATOR_MIMALLOC] = "MIMALLOC_*",
	};

	note(n,
		"malloc: the program is linked with %s, which %s tells to keep its memory; what the "
		"program itself sets counts more, and heap.pages doesn't apply",
		preflight_allocator_to_string(f->target.allocator), variable[f->target.allocator]);
}

static void note_runtime(enum preflight_runtime runtime, struct launch_notes *n) {
	static const char *const texts[RUNTIME_MAX] = {
		[RUNTIME_GO] =
			"the Go runtime has a heap of its own: heap.prealloc and heap.arenas don't "
			"reach it, and no variable makes it populate or keep its memory; GOMEMLIMIT "
			"and GOGC in `environment` bound it, the lock makes new memory present",
		[RUNTIME_JVM] =
			"the JVM has a heap of its own: heap.prealloc becomes -Xms with "
			"-XX:+AlwaysPreTouch (in JDK_JAVA_OPTIONS, which the launcher `java` reads "
			"and mentions on stderr) unless the command or `environment` sets a heap size; "
			"it prepares malloc for native code as well",
		[RUNTIME_V8] =
			"Node.js has a heap of its own: heap.prealloc and heap.arenas don't reach it; "
			"a lock of what is there makes it present, and it goes on mapping memory",
	};

	if (texts[runtime])
		note(n, "%s", texts[runtime]);
}

void launch_notes(
	const struct process_policy *p, const struct launch_facts *f, struct launch_notes *ret) {
	const struct heap_policy *h = &p->memory.heap;

	ret->n = 0;
	if (!is_concerned(p))
		return;
	if (launch_needs_allocator(p))
		note_wanted(h, f, ret);
	else if (f->target_known && f->target.allocator != PREFLIGHT_ALLOCATOR_LIBC)
		note_foreign(f, ret);
	else if (!f->target_known || f->target.glibc)
		note_glibc(p, f, ret);
	if (f->target_known)
		note_runtime(f->target.runtime, ret);
}
