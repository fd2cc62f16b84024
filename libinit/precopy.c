/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After a fork each page of both processes is write-protected, and the first to write it copies it. Here
 * the parent does so at once for every page that it has: the kernel walks each private writable mapping
 * and breaks the sharing. The child keeps its view. Pages that the parent doesn't have (memory reserved
 * and never touched, under onfault) stay as they are.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "libinit/guard.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PIECE_PAGES 1024u

static void write_pages(char *start, size_t len, size_t page) {
	if (madvise(start, len, MADV_POPULATE_WRITE) == 0 || errno != EINVAL)
		return;
	for (size_t at = 0; at < len; at += page) { /* kernel before 5.14 */
		volatile char *p = start + at;

		*p = *p; /* cppcheck-suppress selfAssignment ; volatile: a read and a write */
	}
}

/* Runs of pages that are there. */
static void write_present(char *start, const unsigned char *present, size_t n, size_t page) {
	for (size_t first = 0, end; first < n; first = end + 1) {
		for (end = first; end < n && (present[end] & 1);)
			end++;
		if (end > first)
			write_pages(start + first * page, (end - first) * page, page);
	}
}

static void copy_mapping(const struct mapping *m, size_t page) {
	unsigned char present[PIECE_PAGES];

	for (uintptr_t at = m->start; at < m->end; at += PIECE_PAGES * page) {
		size_t n = (m->end - at) / page < PIECE_PAGES ? (m->end - at) / page : PIECE_PAGES;
		char *start = (char *)at; /* NOLINT: an address */

		if (mincore(start, n * page, present) == 0)
			write_present(start, present, n, page);
	}
}

void precopy(const struct init *i) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int saved_errno = errno;
	struct mapping found;
	uintptr_t at = 0;
	struct maps m;
	int r = maps_open(&m);

	if (r < 0)
		event_send(i, "fork", -r, NULL,
			"fork: precopy can't take the pages back: /proc/self/maps can't be read");
	for (; r == 0 && maps_find(&m, at, &found); at = found.end)
		if (found.writable && !found.shared)
			copy_mapping(&found, page);
	if (r == 0)
		maps_close(&m);
	errno = saved_errno;
}
