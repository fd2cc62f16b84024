/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * madvise(MADV_DONTNEED) is how runtimes give memory back and expect zeros in its place. The kernel
 * refuses it on locked memory, and some take the refusal for the end of the world: V8 (Node.js) aborts.
 * Here such a call gets what it was after, and the memory stays where it is:
 *
 *   memory that can be written   is filled with zeros, where it's present
 *   memory that can't            is dropped with the newer advice that is meant for locked memory; the
 *                                kernel makes it present again when it's made writable (strict)
 *   shared memory                keeps its contents under this advice anyway
 *
 * MADV_FREE asks for less, so that it's granted by doing nothing. Allocators that are known to live with
 * the refusal keep it: for them zeros would only cost time.
 */
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "libinit/guard.h"

#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

#define PIECE_PAGES 1024u

typedef int (*madvise_function)(void *start, size_t len, int advice);

#define ALLOCATORS_MAX 4u

struct range {
	uintptr_t start, end;
};

/* Found once, before the program runs: an allocator may hold a lock of its own here that a dlopen() in
 * another thread waits for, so that asking the loader whose code calls would wait for each other. */
static struct range allocators[ALLOCATORS_MAX];
static size_t n_allocators;

static bool is_allocator(const char *path) {
	static const char *const libraries[] = { "libjemalloc", "libmimalloc", "libtcmalloc" };

	for (size_t n = 0; n < ARRAY_LEN(libraries); n++)
		if (strstr(path, libraries[n]))
			return true;
	return false;
}

static int note_allocator(struct dl_phdr_info *object, size_t size, void *userdata) {
	struct range r = { UINTPTR_MAX, 0 };

	(void)size;
	(void)userdata;
	if (!object->dlpi_name || !is_allocator(object->dlpi_name))
		return 0;
	for (size_t n = 0; n < object->dlpi_phnum; n++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[n];
		uintptr_t start = object->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD)
			continue;
		r.start = start < r.start ? start : r.start;
		r.end = start + p->p_memsz > r.end ? start + p->p_memsz : r.end;
	}
	allocators[n_allocators++] = r;
	return n_allocators == ALLOCATORS_MAX;
}

void advice_prepare(void) {
	(void)dl_iterate_phdr(note_allocator, NULL);
}

static bool lives_with_refusal(const void *site) {
	for (size_t n = 0; n < n_allocators; n++)
		if ((uintptr_t)site >= allocators[n].start && (uintptr_t)site < allocators[n].end)
			return true;
	return false;
}

/* Of pages that aren't present there's nothing to be cleared. */
static void clear_present(char *start, size_t len, size_t page) {
	unsigned char present[PIECE_PAGES];

	for (size_t at = 0; at < len; at += PIECE_PAGES * page) {
		size_t n = (len - at) / page < PIECE_PAGES ? (len - at) / page : PIECE_PAGES;

		if (mincore(start + at, n * page, present) < 0)
			memset(present, 1, n);
		for (size_t p = 0; p < n; p++)
			if (present[p] & 1)
				memset(start + at + p * page, 0, page);
	}
}

static int drop(madvise_function next, const struct init *i, const struct mapping *m, char *start,
	size_t len) {
	if (next(start, len, MADV_DONTNEED_LOCKED) < 0)
		return -1;
	if (i->order.lock != INIT_LOCK_ONFAULT && m->readable)
		(void)next(start, len, MADV_POPULATE_READ); /* else its next use is a fault */
	return 0;
}

/* One mapping's part of the range. */
static int give_back(madvise_function next, const struct init *i, const struct mapping *m,
	char *start, size_t len, int advice) {
	bool ours = m->anonymous && !m->shared;

	if (advice == MADV_FREE && !ours) {
		errno = EINVAL;
		return -1;
	}
	if (m->shared || advice == MADV_FREE)
		return 0;
	if (!ours || !m->writable || !m->readable)
		return drop(next, i, m, start, len);
	clear_present(start, len, (size_t)sysconf(_SC_PAGESIZE));
	return 0;
}

static int give_back_range(
	madvise_function next, const struct init *i, uintptr_t at, uintptr_t end, int advice) {
	struct mapping found;
	bool hole = false;
	struct maps m;
	int r = 0;

	if (maps_open(&m) < 0) {
		errno = EINVAL; /* as the kernel said */
		return -1;
	}
	while (r == 0 && at < end && maps_find(&m, at, &found) && found.start < end) {
		uintptr_t stop = found.end < end ? found.end : end;

		hole |= found.start > at;
		at = found.start > at ? found.start : at;
		r = give_back(next, i, &found, (char *)at, stop - at, advice); /* NOLINT: address */
		at = stop;
	}
	maps_close(&m);
	if (r < 0 || (at >= end && !hole))
		return r;
	errno = ENOMEM; /* some of it isn't mapped */
	return -1;
}

static bool is_refused_for_its_lock(
	const struct init *i, const void *start, size_t len, int advice) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return errno == EINVAL && (advice == MADV_DONTNEED || advice == MADV_FREE) && i &&
		i->order.lock != INIT_LOCK_NONE && (uintptr_t)start % page == 0 &&
		len <= UINTPTR_MAX - page - (uintptr_t)start;
}

WRAPPER int madvise(void *start, size_t len, int advice) {
	__typeof__(&madvise) next = NEXT(NEXT_MADVISE, madvise);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const struct init *i = guard_of_memory();
	int saved_errno = errno, r;

	if (!next)
		return -1;
	r = next(start, len, advice);
	if (r == 0 || !is_refused_for_its_lock(i, start, len, advice))
		return r;
	if (lives_with_refusal(CALL_SITE())) {
		errno = EINVAL;
		return r;
	}
	len += (page - len % page) % page;
	r = give_back_range(next, i, (uintptr_t)start, (uintptr_t)start + len, advice);
	if (r == 0)
		errno = saved_errno;
	return r;
}
