/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RELOCK_H
#define RTMEM_DAEMON_RELOCK_H

/*
 * balanced: what a program maps after it was ready (the stacks of late threads, above all) isn't locked
 * by itself, so it is asked to lock again. A lock walks all of the program's memory: it's asked for
 * rarely, and ever more rarely where a program never stops growing. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "host/process.h"

struct relock {
	bool possible; /* somebody in the program listens */
	bool pending; /* asked, and not answered yet */
	uint64_t unlocked_bytes; /* what was left unlocked by the last lock */
	uint64_t asked_usec;
	uint64_t gap_usec; /* until the next one at the earliest */
	uint64_t size_bytes, locked_bytes; /* as first seen after the last lock; 0 = not yet */
};

/** VmSize that isn't locked. */
uint64_t relock_unlocked(const struct process_memory *m);
/** Should it lock again now? */
bool relock_is_due(const struct relock *r, const struct process_memory *m, uint64_t now_usec);
/** Of what the last lock held, how much isn't locked any more, beside what isn't mapped any more. */
uint64_t relock_lost(const struct relock *r, const struct process_memory *m);
/** A reading, after each lock. */
void relock_seen(struct relock *r, const struct process_memory *m);
/** It was asked to. */
void relock_asked(struct relock *r, uint64_t now_usec);
/** It says that it did, and what it saw afterwards. */
void relock_answered(struct relock *r, uint64_t unlocked_bytes);

#endif
