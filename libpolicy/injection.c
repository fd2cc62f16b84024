/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library can do most, so it's taken wherever the program's loader takes it; from outside, memory
 * can be locked and the main stack grown, but no C library be talked to. What neither can do for a
 * program is said: under `strict` it isn't started, otherwise it runs and is shown as unprotected.
 */
#include "libpolicy/injection.h"

#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/capability.h"

#if defined(__x86_64__)
#define LATE_LOCK_BY_PTRACE true
#else
#define LATE_LOCK_BY_PTRACE false /* trace-late.c says why */
#endif

const char *injection_way_to_string(enum injection_way way) {
	static const char *const names[WAY_MAX] = {
		[WAY_NOT_NEEDED] = "none",
		[WAY_PRELOAD] = "preload",
		[WAY_PTRACE] = "ptrace",
		[WAY_NONE] = "none",
		[WAY_REFUSE] = "refuse",
	};

	return (unsigned)way < WAY_MAX ? names[way] : NULL;
}

static void answer(struct injection *i, enum injection_way way, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void note(struct injection *i, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void answer(struct injection *i, enum injection_way way, const char *format, ...) {
	va_list ap;

	i->way = way;
	va_start(ap, format);
	vsnprintf(i->why, sizeof(i->why), format, ap);
	va_end(ap);
}

static void note(struct injection *i, const char *format, ...) {
	va_list ap;

	if (i->n_notes == INJECTION_NOTES_MAX)
		return;
	va_start(ap, format);
	vsnprintf(i->notes[i->n_notes++], sizeof(i->notes[0]), format, ap);
	va_end(ap);
}

/* Neither way is open: what that means is for the lock mode to say. */
static void answer_closed(
	const struct process_policy *p, struct injection *i, const char *why, const char *way_out) {
	bool strict = p->memory.lock == LOCK_STRICT;

	answer(i, strict ? WAY_REFUSE : WAY_NONE, "%s; %s%s%s", why,
		strict ? "lock: strict starts nothing that it can't protect"
		       : "it runs, unprotected",
		*way_out ? ": " : "", way_out);
}

/* ---- what the other way can do ----------------------------------------------------------------- */

struct obstacle {
	const char *why, *way_out;
};

static bool may_trace(const struct launch_facts *f, struct obstacle *ret) {
	bool capable = f->capabilities_effective & CAPABILITY_BIT(CAP_SYS_PTRACE);

	if (f->ptrace_scope == 3) {
		*ret = (struct obstacle){
			"kernel.yama.ptrace_scope is 3, so that nobody may trace it",
			"the machine has to start without that setting"
		};
		return false;
	}
	if (capable)
		return true;
	*ret = (struct obstacle){ NULL,
		"start the launcher with CAP_SYS_PTRACE, as root has it (--cap-add SYS_PTRACE in a "
		"container)" };
	if (f->ptrace_scope == 2)
		ret->why = "kernel.yama.ptrace_scope is 2, and the launcher lacks CAP_SYS_PTRACE";
	else if (f->uid != f->launcher_uid)
		ret->why = "tracing a program of another user takes CAP_SYS_PTRACE";
	else if (f->target_known && f->target.gains_rights)
		ret->why =
			"traced by a launcher without CAP_SYS_PTRACE, it wouldn't get the rights "
			"of its file";
	return !ret->why;
}

static bool may_prepare(
	const struct process_policy *p, const struct launch_facts *f, struct obstacle *ret) {
	const struct preflight *t = &f->target;

	if (f->target_known && t->obstacle == OBSTACLE_SANITIZER) {
		*ret = (struct obstacle){
			"a lock from outside would count the terabytes that a sanitizer reserves",
			"use a build without it"
		};
		return false;
	}
	if (f->target_known && t->obstacle == OBSTACLE_WORD_SIZE) {
		*ret = (struct obstacle){ "nor can it be prepared by ptrace",
			"use a 64 bit build" };
		return false;
	}
	if (p->memory.lock == LOCK_BALANCED && !LATE_LOCK_BY_PTRACE) {
		*ret = (struct obstacle){
			"a second lock when it's ready can't be done by ptrace on this processor",
			"say lock: strict or onfault"
		};
		return false;
	}
	return may_trace(f, ret);
}

/* ---- what is lost on it -------------------------------------------------------------------------- */

static const char *heap_owner(const struct preflight *t) {
	if (t->runtime != RUNTIME_NATIVE)
		return preflight_runtime_to_string(t->runtime);
	if (t->allocator != PREFLIGHT_ALLOCATOR_LIBC)
		return preflight_allocator_to_string(t->allocator);
	return t->glibc ? "glibc" : "its C library";
}

bool injection_tunables_work(const struct launch_facts *f) {
	const struct preflight *t = &f->target;

	return !f->target_known || (t->glibc && !t->gains_rights);
}

static void note_heap(
	const struct process_policy *p, const struct launch_facts *f, struct injection *i) {
	const struct preflight *t = &f->target;

	if (!p->memory.heap.prealloc_bytes)
		return;
	if (t->glibc && t->gains_rights)
		note(i,
			"memory.heap can't be applied: glibc ignores GLIBC_TUNABLES in a program that "
			"gains rights from its file");
	else if (!injection_tunables_work(f) || t->allocator || t->runtime)
		note(i,
			"memory.heap can't be applied: the heap is that of %s; what it grows by is "
			"locked as it comes",
			heap_owner(t));
	else
		note(i,
			"memory.heap.prealloc comes with the program's first malloc() "
			"(glibc.malloc.top_pad), and isn't proved%s",
			p->memory.lock == LOCK_STRICT
				? ""
				: ": its pages become present as they are used");
}

static void note_stacks(
	const struct process_policy *p, const struct launch_facts *f, struct injection *i) {
	const struct stack_policy *s = &p->memory.stack;

	if (s->threads_bytes && !f->target.glibc)
		note(i,
			"memory.stack.threads can't be applied: %s chooses the size of threads' "
			"stacks itself",
			f->target.runtime ? preflight_runtime_to_string(f->target.runtime)
					  : "its C library");
	else if (s->threads_bytes)
		note(i,
			"memory.stack.threads is set by the stack limit, which bounds the main stack "
			"too: the larger of both counts");
	if (s->reserve)
		note(i, "memory.stack.reserve can't be applied: it takes the library");
}

static void note_rest(const struct process_policy *p, struct injection *i) {
	if (p->memory.heap.pages != HEAP_PAGES_DEFAULT)
		note(i, "memory.heap.pages can't be applied: it takes the library");
	if (p->fork == FORK_PRECOPY)
		note(i, "fork: precopy can't be applied: a fork is seen from outside and reported");
	if (p->children == CHILDREN_INHERIT)
		note(i, "children: inherit can't be applied: a child program isn't prepared");
	if (p->memory.lock == LOCK_BALANCED)
		note(i,
			"lock: balanced: what is mapped after ready, stacks of threads too, becomes "
			"present as it's used, each page by a fault");
	if (p->memory.lock == LOCK_ONFAULT)
		note(i,
			"lock: onfault: the main stack alone is made present ahead; first touches of "
			"libraries, heap and threads' stacks are faults");
}

static void note_losses(
	const struct process_policy *p, const struct launch_facts *f, struct injection *i) {
	note_heap(p, f, i);
	note_stacks(p, f, i);
	note_rest(p, i);
}

/* What only the library can do, and what nobody should believe to have. */
const char *injection_needs_library(const struct process_policy *p) {
	if (p->fork == FORK_DENY)
		return "fork: deny takes the library inside the program";
	if (p->memory.seal == SEAL_DENY)
		return "memory.seal: deny takes the library inside the program (report doesn't)";
	if (p->memory.heap.allocator != ALLOCATOR_GLIBC)
		return "memory.heap.allocator takes LD_PRELOAD";
	return NULL;
}

/* ---- the choice ---------------------------------------------------------------------------------- */

static void choose_ptrace(const struct process_policy *p, const struct launch_facts *f,
	const char *reason, struct injection *i) {
	const char *library = injection_needs_library(p);
	char why[300];
	struct obstacle o;

	if (library) {
		snprintf(why, sizeof(why), "%s, but %s", library, reason);
		answer_closed(p, i, why, "");
	} else if (!may_prepare(p, f, &o)) {
		snprintf(why, sizeof(why), "%s, and %s", reason, o.why);
		answer_closed(p, i, why, o.way_out);
	} else {
		answer(i, WAY_PTRACE, "%s", reason);
		note_losses(p, f, i);
	}
}

static const char *obstacle_of(const struct launch_facts *f) {
	return f->target_known ? preflight_obstacle_text(f->target.obstacle) : "";
}

static void choose_auto(
	const struct process_policy *p, const struct launch_facts *f, struct injection *i) {
	if (!f->target_known)
		answer(i, WAY_PRELOAD,
			"its file can't be read here: taken for a dynamic program with glibc");
	else if (f->target.obstacle == OBSTACLE_NONE)
		answer(i, WAY_PRELOAD, "it is a dynamic program with glibc");
	else
		choose_ptrace(p, f, obstacle_of(f), i);
}

static void choose_preload(
	const struct process_policy *p, const struct launch_facts *f, struct injection *i) {
	char why[300];

	if (!*obstacle_of(f)) {
		answer(i, WAY_PRELOAD, "the policy says inject: preload");
		return;
	}
	snprintf(why, sizeof(why), "the policy says inject: preload, but %s", obstacle_of(f));
	answer_closed(p, i, why, "inject: auto looks for another way");
}

void injection_choose(
	const struct process_policy *p, const struct launch_facts *f, struct injection *ret) {
	*ret = (struct injection){ .way = WAY_NOT_NEEDED };
	if (!launch_needs_injection(p))
		answer(ret, WAY_NOT_NEEDED,
			"nothing in the policy has to happen inside the program");
	else if (p->inject == INJECT_NONE)
		answer_closed(p, ret, "the policy says inject: none", "");
	else if (p->inject == INJECT_PTRACE)
		choose_ptrace(p, f, "the policy says inject: ptrace", ret);
	else if (p->inject == INJECT_PRELOAD)
		choose_preload(p, f, ret);
	else
		choose_auto(p, f, ret);
}
