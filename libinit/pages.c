/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A heap of huge pages. Under glibc.malloc.hugetlb=SIZE, which rtmem-exec sets, glibc's heap isn't the
 * one of brk but anonymous mappings of such pages, and where there are too few it takes ordinary ones
 * without a word. Hence the question is put to the kernel: which mapping holds the block, and what is
 * its page size.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "libinit/heap.h"
#include "libinit/prefault.h"

#define MAPPINGS_MAX 16u /* of huge pages; glibc makes one for each time that it grows */

struct mapping {
	uintptr_t start, end;
	uint64_t page_bytes;
};

struct lines { /* of a file of any length, in little memory */
	int fd;
	char text[4096];
	size_t at, end;
};

/* The next line, cut if it is longer than the buffer; NULL at the end. */
static char *next_line(struct lines *l) {
	for (;;) {
		char *line = l->text + l->at;
		char *newline = memchr(line, '\n', l->end - l->at);
		ssize_t n;

		if (newline) {
			*newline = '\0';
			l->at = (size_t)(newline - l->text) + 1;
			return line;
		}
		memmove(l->text, line, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
		if (l->end == sizeof(l->text))
			l->end = sizeof(l->text) / 2; /* a name this long matters to nobody here */
		n = read(l->fd, l->text + l->end, sizeof(l->text) - l->end);
		if (n <= 0)
			return NULL;
		l->end += (size_t)n;
	}
}

/* Up to max mappings that hold `address` or, where that is 0, have pages of page_bytes. */
static size_t find_mappings(
	uintptr_t address, uint64_t page_bytes, struct mapping *ret, size_t max) {
	_cleanup_close_ int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	struct lines lines = { .fd = fd };
	struct mapping m = { 0 };
	size_t n = 0;

	if (fd < 0)
		return 0;
	for (char *line; n < max && (line = next_line(&lines));) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &m.start, &m.end) == 2 ||
			sscanf(line, "KernelPageSize: %" SCNu64 " kB", &m.page_bytes) != 1)
			continue;
		m.page_bytes <<= 10;
		if (address ? address >= m.start && address < m.end : m.page_bytes == page_bytes)
			ret[n++] = m;
	}
	return n;
}

static uint64_t count_of(uint64_t page_bytes, const char *file) {
	char path[128], text[64];

	(void)snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		page_bytes >> 10, file);
	return proc_read(path, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

/* Free, and nobody has a claim on them. */
static uint64_t pages_free(uint64_t page_bytes) {
	uint64_t unused = count_of(page_bytes, "free_hugepages");
	uint64_t promised = count_of(page_bytes, "resv_hugepages");

	return unused > promised ? unused - promised : 0;
}

/* What to reserve: those that there are and that this heap lacks. */
static void tell_shortage(struct init *i, size_t bytes, char *buf, size_t size) {
	uint64_t page = i->order.heap_page_bytes, unused = pages_free(page);
	uint64_t wanted = (bytes + page - 1) / page,
		 missing = wanted > unused ? wanted - unused : 1;
	char name[UNITS_TEXT_MAX];

	format_size(page, name);
	(void)snprintf(buf, size,
		"the heap takes %" PRIu64 " huge pages of %s, and %" PRIu64
		" are free: reserve %" PRIu64 " (`host: { hugepages: { %s: %" PRIu64
		" } }`, applied before the program starts)",
		wanted, name, unused, missing, name, count_of(page, "nr_hugepages") + missing);
}

/* Huge pages never leave, so that there is nothing to lock; present they must be. */
static int populate_huge(struct init *i) {
	struct mapping found[MAPPINGS_MAX];
	uint64_t page = i->order.heap_page_bytes;
	size_t n = find_mappings(0, page, found, ARRAY_LEN(found));

	for (size_t m = 0; m < n; m++) {
		char *start = (char *)found[m].start; /* NOLINT: an address */
		int r = prefault_range(i, start, found[m].end - found[m].start, page);

		if (r < 0)
			return init_problem(i, "heap-pages", r,
				"huge pages were promised and then refused: the limit of a hugetlb "
				"control group (hugetlb.*.max) is smaller than the heap, or memory is "
				"bound to a node without any");
	}
	return 0;
}

static int populate_ordinary(struct init *i, const struct mapping *m) {
	int r = prefault_and_lock(i, (char *)m->start, m->end - m->start); /* NOLINT: an address */

	return r < 0 ? init_problem_diagnosed(i, "heap", -r, m->end - m->start) : 0;
}

/* The same block again, in the same mapping, all of it present. */
static int prove(struct init *i, const struct mapping *m, uintptr_t block, size_t bytes) {
	uintptr_t again = 0;
	size_t missing;
	int r = heap_take_and_give(i, bytes, &again);

	if (r < 0)
		return r;
	if (again != block)
		return init_problem(i, "heap", EAGAIN,
			"the heap moved when the same block was taken again: malloc gives memory back "
			"although glibc.malloc.trim_threshold and mmap_max forbid it");
	missing = missing_bytes((const char *)m->start, m->end - m->start); /* NOLINT: an address */
	return missing ? init_problem_diagnosed(i, "heap", ENOMEM, missing) : 0;
}

static int fall_back(struct init *i, size_t bytes) {
	char text[REPORT_TEXT_MAX];

	tell_shortage(i, bytes, text, sizeof(text));
	if (!i->order.heap_page_fallback)
		return init_problem(i, "heap-pages", ENOMEM,
			"%s; or say `heap: { pages_fallback: allow }`", text);
	init_note(i, "heap-pages", text);
	return prefault_check_room(i, bytes);
}

int pages_prepare(struct init *i, size_t bytes) {
	struct mapping m = { 0 };
	uintptr_t block = 0;
	bool is_huge;
	int r = heap_take_and_give(i, bytes, &block);

	if (r < 0)
		return r;
	if (find_mappings(block, 0, &m, 1) == 0)
		return init_problem(i, "heap-pages", ENOENT,
			"malloc gave the block back at once, or /proc/self/smaps can't be read");
	is_huge = m.page_bytes == i->order.heap_page_bytes;
	r = is_huge ? populate_huge(i) : fall_back(i, bytes);
	if (r == 0 && !is_huge)
		r = populate_ordinary(i, &m);
	if (r < 0)
		return r;
	i->report.heap_start = m.start;
	i->report.heap_end = m.end;
	i->report.heap_page_bytes = is_huge ? m.page_bytes : 0;
	return prove(i, &m, block, bytes);
}
