/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Heaps of other allocators: those that the policy asks for, which rtmem-exec preloads with settings
 * that keep them from giving memory back, and those that the program is linked with, as far as their
 * documented settings do the same. Whose malloc it is, is told by the symbols of the object that serves
 * it; what it was told, by its own account; and whether free memory stays, by taking it twice.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "libinit/heap.h"
#include "libinit/prefault.h"

static void *symbol_of(const void *base, const char *name) {
	void *symbol = dlsym(RTLD_DEFAULT, name);
	Dl_info info = { 0 };

	return symbol && dladdr(symbol, &info) && info.dli_fbase == base ? symbol : NULL;
}

/* ---- jemalloc ---------------------------------------------------------------------------------- */

#define JEMALLOC_ARENAS_MAX 1024u
#define JEMALLOC_ARENA(a)   ((int)((a) + 1) << 20) /* MALLOCX_ARENA of its header */
#define PROOF_ROUNDS	    4u
#define JEMALLOC_NO_CACHE   (1 << 8) /* MALLOCX_TCACHE_NONE */

struct jemalloc {
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	void *(*mallocx)(size_t, int);
	void (*dallocx)(void *, int);
	ssize_t dirty_msec, muzzy_msec;
	unsigned n_arenas;
};

static bool jemalloc_get(const struct jemalloc *j, const char *name, void *ret, size_t size) {
	return j->mallctl(name, ret, &size, NULL, 0) == 0;
}

static bool jemalloc_find(const void *base, struct jemalloc *ret) {
	ret->mallctl = (int (*)(const char *, void *, size_t *, void *, size_t))symbol_of(
		base, "mallctl");
	ret->mallocx = (void *(*)(size_t, int))symbol_of(base, "mallocx");
	ret->dallocx = (void (*)(void *, int))symbol_of(base, "dallocx");
	return ret->mallctl && ret->mallocx && ret->dallocx;
}

static int jemalloc_check(struct init *i, struct jemalloc *j) {
	if (!jemalloc_get(j, "opt.dirty_decay_ms", &j->dirty_msec, sizeof(j->dirty_msec)) ||
		!jemalloc_get(j, "opt.muzzy_decay_ms", &j->muzzy_msec, sizeof(j->muzzy_msec)) ||
		!jemalloc_get(j, "opt.narenas", &j->n_arenas, sizeof(j->n_arenas)))
		return init_problem(i, "allocator", ENOTSUP,
			"%s is a jemalloc older than 5.0, whose settings aren't known",
			i->report.malloc_owner);
	if (j->dirty_msec != -1 || j->muzzy_msec != -1)
		return init_problem(i, "allocator", ENOTSUP,
			"%s gives free memory back (dirty_decay_ms:%zd, muzzy_decay_ms:%zd; wanted: -1 "
			"each): take them out of MALLOC_CONF and out of the program's own malloc_conf",
			i->report.malloc_owner, j->dirty_msec, j->muzzy_msec);
	i->report.arenas = j->n_arenas;
	return 0;
}

/* A block of this size in each arena, present; then all given back. */
static int jemalloc_round(struct init *i, const struct jemalloc *j, size_t share, bool populate) {
	static void *blocks[JEMALLOC_ARENAS_MAX];
	int r = 0;

	for (unsigned a = 0; a < j->n_arenas; a++)
		blocks[a] = j->mallocx(share, JEMALLOC_ARENA(a) | JEMALLOC_NO_CACHE);
	for (unsigned a = 0; a < j->n_arenas && r == 0; a++)
		if (!blocks[a])
			r = -ENOMEM;
		else if (populate)
			r = prefault_and_lock(i, blocks[a], share);
		else if (missing_bytes(blocks[a], share) > 0)
			r = -EAGAIN;
	for (unsigned a = 0; a < j->n_arenas; a++)
		if (blocks[a])
			j->dallocx(blocks[a], JEMALLOC_ARENA(a) | JEMALLOC_NO_CACHE);
	return r;
}

static uint64_t size_now(void) {
	struct proc_status s;

	return proc_status_read(&s) == 0 ? s.size_bytes : 0;
}

static int gives_back(struct init *i) {
	return init_problem(i, "heap", EAGAIN,
		"%s took new memory for what it was given back a moment before: it doesn't keep "
		"memory.heap.prealloc",
		i->report.malloc_owner);
}

/* Notes that it keeps about its memory may grow once more by a mapping, hence some rounds. */
static int jemalloc_prove(struct init *i, const struct jemalloc *j, size_t share) {
	for (unsigned round = 0; round < PROOF_ROUNDS; round++) {
		uint64_t before = size_now();

		if (jemalloc_round(i, j, share, false) == 0 && size_now() == before)
			return 0;
	}
	return gives_back(i);
}

static int jemalloc_prepare(struct init *i, struct jemalloc *j) {
	size_t share;
	int r = jemalloc_check(i, j);

	if (r < 0 || !i->order.heap_prealloc_bytes)
		return r;
	if (j->n_arenas > JEMALLOC_ARENAS_MAX)
		j->n_arenas = JEMALLOC_ARENAS_MAX;
	share = (size_t)(i->order.heap_prealloc_bytes / j->n_arenas);
	r = jemalloc_round(i, j, share, true);
	if (r < 0)
		return init_problem_diagnosed(i, "heap", -r, i->order.heap_prealloc_bytes);
	r = jemalloc_prove(i, j, share);
	if (r == 0)
		i->report.heap_bytes = (uint64_t)share * j->n_arenas;
	return r;
}

/* ---- mimalloc ---------------------------------------------------------------------------------- */

#define MIMALLOC_ARENAS_MAX	 16
#define MIMALLOC_VERSION_PURGE	 210 /* from here on it knows a purge delay, and no decommit */
#define MIMALLOC_VERSION_UNKNOWN 300
/* numbers of its options, which its header keeps from version to version */
#define MIMALLOC_PURGE_DELAY	15
#define MIMALLOC_ALLOW_DECOMMIT 22

struct mimalloc {
	int (*version)(void);
	long (*option)(int);
	void *(*area)(int, size_t *);
};

static bool mimalloc_find(const void *base, struct mimalloc *ret) {
	ret->version = (int (*)(void))symbol_of(base, "mi_version");
	ret->option = (long (*)(int))symbol_of(base, "mi_option_get");
	ret->area = (void *(*)(int, size_t *))symbol_of(base, "mi_arena_area");
	return ret->version && ret->option && ret->area;
}

static int mimalloc_check(struct init *i, const struct mimalloc *m) {
	int version = m->version();
	bool keeps = version < MIMALLOC_VERSION_PURGE ? m->option(MIMALLOC_ALLOW_DECOMMIT) == 0
						      : m->option(MIMALLOC_PURGE_DELAY) < 0;

	if (version >= MIMALLOC_VERSION_UNKNOWN)
		return init_problem(i, "allocator", ENOTSUP,
			"%s is mimalloc %d.%d, whose arenas aren't known: use version 2, or jemalloc",
			i->report.malloc_owner, version / 100, version / 10 % 10);
	if (!keeps)
		return init_problem(i, "allocator", ENOTSUP,
			"%s gives free memory back: take MIMALLOC_ALLOW_DECOMMIT and "
			"MIMALLOC_PURGE_DELAY out of the environment (wanted: 0 and -1)",
			i->report.malloc_owner);
	return 0;
}

/* The arena that MIMALLOC_RESERVE_OS_MEMORY made when it was loaded: the first that is large enough. */
static char *mimalloc_arena(const struct mimalloc *m, uint64_t bytes, size_t *ret_size) {
	for (int id = 1; id <= MIMALLOC_ARENAS_MAX; id++) {
		char *start = m->area(id, ret_size);

		if (start && *ret_size >= bytes)
			return start;
	}
	return NULL;
}

static int mimalloc_prepare(struct init *i, const struct mimalloc *m) {
	uint64_t bytes = i->order.heap_prealloc_bytes;
	uintptr_t block = 0, at;
	size_t size = 0;
	char *start;
	int r = mimalloc_check(i, m);

	if (r < 0 || !bytes)
		return r;
	start = mimalloc_arena(m, bytes, &size);
	if (!start)
		return init_problem(i, "heap", ENOTSUP,
			"%s has reserved no arena for memory.heap.prealloc: take "
			"MIMALLOC_RESERVE_OS_MEMORY out of the environment, rtmem sets it",
			i->report.malloc_owner);
	at = (uintptr_t)start;
	r = prefault_and_lock(i, start, size);
	if (r < 0)
		return init_problem_diagnosed(i, "heap", -r, size);
	r = heap_take_and_give(i, (size_t)bytes / 2, &block);
	if (r < 0)
		return r;
	if (block < at || block >= at + size || missing_bytes(start, size) > 0)
		return gives_back(i);
	i->report.heap_start = at;
	i->report.heap_end = at + size;
	i->report.heap_bytes = bytes;
	return 0;
}

/* ---- tcmalloc ---------------------------------------------------------------------------------- */

/* It has no call that tells its release rate: what the environment said when it was loaded is what
 * there is to know. */
static int tcmalloc_prepare(struct init *i) {
	size_t bytes = (size_t)i->order.heap_prealloc_bytes;
	uintptr_t block = 0, again = 0;
	int r;

	if (!bytes)
		return 0;
	if (!i->tcmalloc_keeps)
		return init_problem(i, "heap", ENOTSUP,
			"%s gives free memory back unless the environment says "
			"TCMALLOC_RELEASE_RATE=0: take another value out of it",
			i->report.malloc_owner);
	r = heap_take_and_give(i, bytes, &block);
	if (r == 0) {
		r = prefault_and_lock(i, (char *)block, bytes); /* NOLINT: an address */
		if (r < 0)
			return init_problem_diagnosed(i, "heap", -r, bytes);
		r = heap_take_and_give(i, bytes, &again);
	}
	if (r < 0)
		return r;
	if (again != block ||
		missing_bytes((const char *)block, bytes) > 0) /* NOLINT: an address */
		return gives_back(i);
	i->report.heap_start = block;
	i->report.heap_end = block + bytes;
	i->report.heap_bytes = bytes;
	return 0;
}

/* ---- any of them ------------------------------------------------------------------------------- */

static int unknown_allocator(struct init *i) {
	if (!i->order.heap_prealloc_bytes)
		return 0;
	return init_problem(i, "heap", ENOTSUP,
		"malloc of this program belongs to %s, which gives free memory back as it likes, so "
		"memory.heap.prealloc can't be guaranteed: run a build of the program that uses the C "
		"library's malloc, or drop heap.prealloc and allocate everything before ready",
		i->report.malloc_owner);
}

static int not_the_one_wanted(struct init *i) {
	return init_problem(i, "allocator", ENOTSUP,
		"memory.heap.allocator is %s, but malloc of this program belongs to %s: the program is "
		"linked with it, or LD_PRELOAD of the environment has it; drop heap.allocator, or "
		"remove the other",
		init_allocator_to_string(i->order.allocator), i->report.malloc_owner);
}

int allocator_prepare(struct init *i, const void *base) {
	enum init_allocator wanted = i->order.allocator;
	bool any = wanted == INIT_ALLOCATOR_GLIBC;
	struct jemalloc j = { 0 };
	struct mimalloc m = { 0 };
	int r = 0;

	if (any && !i->order.heap_prealloc_bytes)
		return 0;
	if (i->order.heap_prealloc_bytes)
		r = prefault_check_room(i, i->order.heap_prealloc_bytes);
	if (r < 0)
		return r;
	if ((any || wanted == INIT_ALLOCATOR_JEMALLOC) && jemalloc_find(base, &j))
		return jemalloc_prepare(i, &j);
	if ((any || wanted == INIT_ALLOCATOR_MIMALLOC) && mimalloc_find(base, &m))
		return mimalloc_prepare(i, &m);
	if (!any)
		return not_the_one_wanted(i);
	return symbol_of(base, "tc_malloc") ? tcmalloc_prepare(i) : unknown_allocator(i);
}
