/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Free heap that is there before it is needed. One block of the whole size is allocated and freed; with
 * the tunables that rtmem-exec sets (mmap_max=0, trim_threshold=max) glibc then keeps it as the top of
 * its heap, and every later allocation is cut from it: no system call, no fault.
 *
 * That is the theory of one allocator in some of its versions, so it is believed only by its effect:
 * the block lay in the brk heap, freeing moved nothing, as much fits again, all pages are present.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/units.h"
#include "libinit/heap.h"
#include "libinit/prefault.h"

#define LIBC_NAME "libc.so"

/* A glibc arena other than the main one can't hold more than its 64 MiB heap. */
#define ARENA_SHARE_MAX (63u << 20)

uint64_t heap_arena_share(const struct init_order *o) {
	uint64_t share = o->arenas > 1 ? o->heap_prealloc_bytes / o->arenas : 0;

	return share > ARENA_SHARE_MAX ? ARENA_SHARE_MAX : share;
}

uint64_t heap_main_share(const struct init_order *o) {
	uint64_t others = o->arenas > 1 ? (o->arenas - 1) * heap_arena_share(o) : 0;

	return o->heap_prealloc_bytes - others;
}

/* The object that serves malloc() to this program. A program built without PIC may have an address of
 * its own for malloc that only leads on: then the next object that defines it is meant. */
static const void *find_malloc_owner(char *ret, size_t size) {
	void *address = (void *)malloc;
	const ElfW(Sym) *symbol = NULL;
	Dl_info info = { 0 };
	const char *slash;

	if (dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
		symbol->st_shndx == SHN_UNDEF) {
		address = dlsym(RTLD_NEXT, "malloc");
		(void)dladdr(address, &info);
	}
	slash = info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
	snprintf(ret, size, "%s", slash ? slash + 1 : info.dli_fname ? info.dli_fname : "?");
	return info.dli_fbase;
}

/* Field 47 of /proc/self/stat: where the brk heap begins. The name in field 2 may hold anything. */
static uintptr_t brk_start(void) {
	char text[2048];
	const char *p;

	if (proc_read("/proc/self/stat", text, sizeof(text)) <= 0 || !(p = strrchr(text, ')')))
		return 0;
	for (int field = 2; field < 47 && p; field++)
		p = strchr(p + 1, ' ');
	return p ? (uintptr_t)strtoull(p + 1, NULL, 10) : 0;
}

static int not_in_heap(struct init *i) {
	return init_problem(i, "heap", ENOTSUP,
		"malloc didn't take the block from its heap, so freeing it gives it back to the "
		"kernel: GLIBC_TUNABLES must say glibc.malloc.mmap_max=0 and "
		"glibc.malloc.trim_threshold=18446744073709551615 (rtmem sets both unless the "
		"environment or limits.data is in the way)");
}

int heap_take_and_give(struct init *i, size_t bytes, uintptr_t *ret_block) {
	char *block = malloc(bytes);

	if (!block)
		return init_problem_diagnosed(i, "heap", ENOMEM, bytes);
	*ret_block = (uintptr_t)block;
	__asm__ volatile("" : : "r"(block) : "memory"); /* the pair isn't useless */
	free(block);
	return 0;
}

struct heap { /* of brk */
	uintptr_t start, end;
};

static bool holds(const struct heap *h, uintptr_t block, size_t bytes) {
	return block >= h->start && block < h->end && bytes <= h->end - block;
}

static size_t missing_of(const struct heap *h) {
	return missing_bytes((const char *)h->start, h->end - h->start); /* NOLINT: an address */
}

static int heap_present(struct init *i, const struct heap *h) {
	return prefault_and_lock(i, (char *)h->start, h->end - h->start); /* NOLINT: an address */
}

/* Once more the same: it must fit into what is there. */
static int prove(struct init *i, const struct heap *h, size_t bytes) {
	uintptr_t again = 0;
	size_t missing;
	int r = heap_take_and_give(i, bytes, &again);

	if (r < 0)
		return r;
	if (!holds(h, again, bytes) || (uintptr_t)sbrk(0) != h->end)
		return init_problem(i, "heap", EAGAIN,
			"the heap moved when the same block was taken again: malloc gives memory back "
			"although glibc.malloc.trim_threshold forbids it");
	missing = missing_of(h);
	return missing ? init_problem_diagnosed(i, "heap", ENOMEM, missing) : 0;
}

static int grow_main_heap(struct init *i, size_t bytes) {
	struct heap h = { .start = brk_start() };
	uintptr_t block = 0;
	int r = heap_take_and_give(i, bytes, &block);

	if (r < 0)
		return r;
	h.end = (uintptr_t)sbrk(0);
	if (!holds(&h, block, bytes))
		return not_in_heap(i);
	i->report.heap_start = h.start;
	i->report.heap_end = h.end;
	/* the whole of it: what libraries freed before is cut from later as well */
	r = heap_present(i, &h);
	if (r < 0)
		return init_problem_diagnosed(i, "heap", -r, bytes);
	return prove(i, &h, bytes);
}

/* Other threads would take arenas that nobody prepared. Read, not tried: trying takes a thread, and a
 * process that ever had a second one pays for locks in malloc ever after. */
static int check_arenas(struct init *i) {
	if (!i->order.arenas || i->arena_max == i->order.arenas)
		return 0;
	return init_problem(i, "arenas", ENOTSUP,
		"GLIBC_TUNABLES says glibc.malloc.arena_max=%llu where memory.heap.arenas is %u, so "
		"threads would allocate from heaps that aren't prepared: remove it from the environment",
		(unsigned long long)i->arena_max, (unsigned)i->order.arenas);
}

static int prepare_glibc(struct init *i) {
	size_t bytes = (size_t)heap_main_share(&i->order) + HEAP_MARGIN_BYTES;
	bool huge = i->order.heap_page_bytes > 0;
	int r = check_arenas(i);

	/* MemAvailable doesn't count huge pages, nor do limits of the process */
	if (r == 0 && !huge)
		r = prefault_check_room(i, i->order.heap_prealloc_bytes);
	if (r == 0)
		r = huge ? pages_prepare(i, bytes) : grow_main_heap(i, bytes);
	if (r == 0)
		i->report.heap_bytes = heap_main_share(&i->order);
	return r;
}

int heap_prepare(struct init *i) {
	const void *base = find_malloc_owner(
		i->report.malloc_owner, sizeof(i->report.malloc_owner));
	bool glibc = strncmp(i->report.malloc_owner, LIBC_NAME, sizeof(LIBC_NAME) - 1) == 0;

	if (!glibc || i->order.allocator != INIT_ALLOCATOR_GLIBC)
		return allocator_prepare(i, base);
	if (!i->order.heap_prealloc_bytes && !i->order.heap_page_bytes)
		return 0;
	return prepare_glibc(i);
}
