/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SETTLE_H
#define RTMEM_DAEMON_SETTLE_H

/* Has nothing changed for a given time? Pure: readings and the clock come in. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What has to stand still. rss is part of it, because pages populated ahead aren't faults. */
struct settle_reading {
	uint64_t faults; /* minor + major, since exec */
	uint64_t size_bytes;
	uint64_t rss_bytes;
	uint32_t n_threads;
};

struct settle {
	bool begun;
	uint64_t since_usec; /* when the last change was seen */
	struct settle_reading last;
	struct settle_reading before; /* reading before the last change, for the explanation */
	uint64_t gap_usec; /* time between those two readings */
	uint64_t read_usec;
};

/** True once readings have stood still for wanted_usec. */
bool settle_update(struct settle *s, const struct settle_reading *reading, uint64_t now_usec,
	uint64_t wanted_usec);

/** "12800 faults in the last 500ms": what moved last. */
const char *settle_describe(const struct settle *s, char *buf, size_t size);

#endif
