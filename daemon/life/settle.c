/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that knows nothing of rtmem never says that it's ready. It shows it: once its threads, its
 * size and its faults stand still for a while, it has set itself up.
 */
#include "daemon/life/settle.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/units.h"

static bool same(const struct settle_reading *a, const struct settle_reading *b) {
	return a->faults == b->faults && a->size_bytes == b->size_bytes &&
		a->rss_bytes == b->rss_bytes && a->n_threads == b->n_threads;
}

bool settle_update(struct settle *s, const struct settle_reading *reading, uint64_t now_usec,
	uint64_t wanted_usec) {
	if (!s->begun) {
		*s = (struct settle){ .begun = true, .last = *reading, .before = *reading };
		s->since_usec = now_usec;
	} else if (!same(reading, &s->last)) {
		s->before = s->last;
		s->gap_usec = now_usec - s->read_usec;
		s->since_usec = now_usec;
		s->last = *reading;
	}
	s->read_usec = now_usec;
	return now_usec - s->since_usec >= wanted_usec;
}

const char *settle_describe(const struct settle *s, char *buf, size_t size) {
	char text[UNITS_TEXT_MAX], a[UNITS_TEXT_MAX], b[UNITS_TEXT_MAX];
	const char *gap = format_duration(s->gap_usec / 1000 * 1000, text);

	if (!s->begun)
		snprintf(buf, size, "the program hasn't begun to run");
	else if (s->last.faults != s->before.faults)
		snprintf(buf, size, "%" PRIu64 " faults in the last %s",
			s->last.faults - s->before.faults, gap);
	else if (s->last.n_threads != s->before.n_threads)
		snprintf(buf, size, "threads went from %u to %u", s->before.n_threads,
			s->last.n_threads);
	else if (s->last.size_bytes != s->before.size_bytes)
		snprintf(buf, size, "its size went from %s to %s",
			format_size_rounded(s->before.size_bytes, a),
			format_size_rounded(s->last.size_bytes, b));
	else if (s->last.rss_bytes != s->before.rss_bytes)
		snprintf(buf, size, "its resident size went from %s to %s",
			format_size_rounded(s->before.rss_bytes, a),
			format_size_rounded(s->last.rss_bytes, b));
	else
		snprintf(buf, size, "still for less than the time asked for");
	return buf;
}
