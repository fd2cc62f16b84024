/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_SUGGEST_H
#define RTMEM_LIBPOLICY_SUGGEST_H

/* "did you mean ...": the nearest of a series of words, if one is near. */
#include <stddef.h>

#define SUGGEST_LENGTH_MAX 64 /* longer words have no neighbours */

struct suggestion {
	const char *wanted; /* what was written */
	const char *best; /* NULL = nothing near so far */
	size_t distance; /* of best */
};

/** Offers one candidate; keeps it if it's nearer than the best so far. */
void suggest_offer(struct suggestion *s, const char *candidate);
/** Insertions, deletions, changes and swaps of neighbours from a to b; case doesn't count, nor do
 *  '-' against '_'. SIZE_MAX if a word is longer than SUGGEST_LENGTH_MAX. */
size_t edit_distance(const char *a, const char *b);

#endif
