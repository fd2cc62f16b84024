/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After a fork each page of both processes is write-protected, and the first to write it copies it. Here
 * the parent does so at once for every page that it has: the kernel walks each private writable mapping
 * and breaks the sharing. The child keeps its view. Pages that the parent doesn't have (memory reserved
 * and never touched, under onfault) stay as they are.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "libinit/guard.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PIECE_PAGES 1024u

struct copy {
	size_t page;
	bool populates; /* kernel 5.14 and later */
	int error; /* the first: memory has run out */
};

static void write_pages(struct copy *c, char *start, size_t len) {
	if (c->populates) {
		if (madvise(start, len, MADV_POPULATE_WRITE) < 0 && !c->error)
			c->error = errno;
		return;
	}
	for (size_t at = 0; at < len; at += c->page) {
		volatile char *p = start + at;

		*p = *p; /* cppcheck-suppress selfAssignment ; volatile: a read and a write */
	}
}

/* Runs of pages that are there. */
static void write_present(struct copy *c, char *start, const unsigned char *present, size_t n) {
	for (size_t first = 0, end; first < n; first = end + 1) {
		for (end = first; end < n && (present[end] & 1);)
			end++;
		if (end > first)
			write_pages(c, start + first * c->page, (end - first) * c->page);
	}
}

static void copy_mapping(struct copy *c, const struct mapping *m) {
	unsigned char present[PIECE_PAGES];
	size_t page = c->page;

	for (uintptr_t at = m->start; at < m->end; at += PIECE_PAGES * page) {
		size_t n = (m->end - at) / page < PIECE_PAGES ? (m->end - at) / page : PIECE_PAGES;
		char *start = (char *)at; /* NOLINT: an address */

		if (mincore(start, n * page, present) == 0)
			write_present(c, start, present, n);
	}
}

void precopy(const struct init *i) {
	struct copy c = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	int saved_errno = errno;
	struct mapping found;
	uintptr_t at = 0;
	struct maps m;

	c.populates = madvise(NULL, 0, MADV_POPULATE_WRITE) == 0;
	c.error = -maps_open(&m);
	if (c.error == 0) {
		for (; maps_find(&m, at, &found); at = found.end)
			if (found.writable && !found.shared)
				copy_mapping(&c, &found);
		maps_close(&m);
	}
	if (c.error)
		event_send(i, "fork", c.error, NULL,
			"fork: precopy couldn't take all pages back (%s): what is missing faults when "
			"it's written",
			strerrordesc_np(c.error));
	errno = saved_errno;
}
