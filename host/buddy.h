/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_BUDDY_H
#define RTMEM_HOST_BUDDY_H

/* How fragmented free memory is: /proc/buddyinfo. */
#include <stdint.h>

struct buddy_free {
	uint64_t bytes; /* free on the node */
	uint64_t n_blocks; /* blocks of the size asked for that free memory holds unbroken */
};

/** Text of /proc/buddyinfo. -ENOENT: it doesn't name this node. */
int buddy_parse(const char *text, int node, uint64_t block_bytes, uint64_t page_bytes,
	struct buddy_free *ret);
/** The same of ROOT/proc/buddyinfo; -errno. */
int buddy_read(const char *root, int node, uint64_t block_bytes, struct buddy_free *ret);

#endif
