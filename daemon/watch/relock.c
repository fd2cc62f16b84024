/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is unlocked is the measure: it grows by new mappings and by munlock() alike, and stays where a
 * stack of an ended thread is used again. What a lock couldn't cover (device memory) counts as normal
 * from then on.
 */
#include "daemon/watch/relock.h"

#define GAP_FIRST_USEC 1000000u
#define GAP_MAX_USEC   64000000u
#define PATIENCE_USEC  10000000u /* for an answer; a lock of many gigabytes takes seconds */
#define FORGOTTEN_USEC 120000000u /* grown once in a while is no steady growth */

uint64_t relock_unlocked(const struct process_memory *m) {
	uint64_t locked = m->locked_bytes + m->hugetlb_bytes;

	return m->size_bytes > locked ? m->size_bytes - locked : 0;
}

bool relock_is_due(const struct relock *r, const struct process_memory *m, uint64_t now_usec) {
	uint64_t since = now_usec - r->asked_usec;

	if (!r->possible || relock_unlocked(m) <= r->unlocked_bytes)
		return false;
	if (r->pending && since < PATIENCE_USEC)
		return false;
	return since >= r->gap_usec;
}

uint64_t relock_lost(const struct relock *r, const struct process_memory *m) {
	uint64_t unmapped = r->size_bytes > m->size_bytes ? r->size_bytes - m->size_bytes : 0;
	uint64_t gone = r->locked_bytes > m->locked_bytes ? r->locked_bytes - m->locked_bytes : 0;

	return gone > unmapped ? gone - unmapped : 0;
}

void relock_seen(struct relock *r, const struct process_memory *m) {
	if (r->pending || r->locked_bytes > 0)
		return;
	r->size_bytes = m->size_bytes;
	r->locked_bytes = m->locked_bytes;
}

void relock_asked(struct relock *r, uint64_t now_usec) {
	if (r->gap_usec == 0 || now_usec - r->asked_usec > FORGOTTEN_USEC)
		r->gap_usec = GAP_FIRST_USEC;
	else if (r->gap_usec < GAP_MAX_USEC)
		r->gap_usec *= 2;
	r->asked_usec = now_usec;
	r->pending = true;
}

void relock_answered(struct relock *r, uint64_t unlocked_bytes) {
	r->pending = false;
	r->unlocked_bytes = unlocked_bytes;
	r->size_bytes = r->locked_bytes = 0;
}
