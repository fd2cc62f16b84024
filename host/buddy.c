/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line per zone: "Node 0, zone Normal", then the number of free blocks of 1, 2, 4 ... pages. */
#include "host/buddy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

/* What follows the zone's name. */
static void add_zone(
	const char *counts, uint64_t block_bytes, uint64_t page_bytes, struct buddy_free *f) {
	uint64_t bytes = page_bytes;

	for (;; bytes *= 2) {
		char *end;
		uint64_t n = strtoull(counts, &end, 10);

		if (end == counts || bytes > UINT64_MAX / 2)
			return;
		f->bytes += n * bytes;
		if (bytes >= block_bytes)
			f->n_blocks += n * (bytes / block_bytes);
		counts = end;
	}
}

int buddy_parse(const char *text, int node, uint64_t block_bytes, uint64_t page_bytes,
	struct buddy_free *ret) {
	int r = -ENOENT;

	*ret = (struct buddy_free){ 0 };
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char zone[32];
		int number, used = 0;

		line += *line == '\n';
		if (sscanf(line, "Node %d, zone %31s%n", &number, zone, &used) != 2 || used == 0)
			continue;
		if (number != node)
			continue;
		add_zone(line + used, block_bytes, page_bytes, ret);
		r = 0;
	}
	return r;
}

int buddy_read(const char *root, int node, uint64_t block_bytes, struct buddy_free *ret) {
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/proc/buddyinfo", root) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = read_file(path, 65536, &text, NULL);
	if (r < 0)
		return r;
	return buddy_parse(text, node, block_bytes, (uint64_t)sysconf(_SC_PAGESIZE), ret);
}
