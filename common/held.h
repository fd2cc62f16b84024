/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_HELD_H
#define RTMEM_COMMON_HELD_H

/*
 * How rtmem-hold tells rtmemd what it holds, beside STATUS= in one notification: a word for each pattern
 * of `lock_files`, in their order. "3,0,- 0,0,m 5,2,l"
 */
#include <stddef.h>

#define HELD_PATTERNS_MAX 64
#define HELD_WORD_MAX	  24 /* "4294967295,4294967295,l" */
#define HELD_KEY	  "X_RTMEM_HELD="

/** Why not all of a pattern is held: the first cause met. */
enum held_cause {
	HELD_ALL,
	HELD_MISSING,
	HELD_NO_RIGHT,
	HELD_NO_ROOM,
	HELD_UNREADABLE,
	HELD_FAILED,
	HELD_CAUSE_MAX,
};

/** Of one pattern, with what its programs need. */
struct held_files {
	unsigned n_files; /* held */
	unsigned n_failed;
	enum held_cause cause;
};

/** Appends the word, after a blank unless it's the first, to the text of `size` bytes. */
void held_format(const struct held_files *h, char *text, size_t size);
/** Number of words understood; stops at the first that isn't one. */
size_t held_parse(const char *text, struct held_files ret[static HELD_PATTERNS_MAX]);

#endif
