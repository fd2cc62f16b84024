/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static int fold(char c) {
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b, size_t c) {
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* One row of the distance table; `above` and `above2` are the two rows before it. */
static void distance_row(const char *a, const char *b, size_t i, const size_t *above2,
	const size_t *above, size_t *row) {
	row[0] = i;
	for (size_t j = 1; b[j - 1]; j++) {
		size_t change = fold(a[i - 1]) != fold(b[j - 1]);

		row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
		if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			fold(a[i - 2]) == fold(b[j - 1]) && above2[j - 2] + 1 < row[j])
			row[j] = above2[j - 2] + 1;
	}
}

size_t edit_distance(const char *a, const char *b) {
	size_t rows[3][SUGGEST_LENGTH_MAX + 1] = { { 0 } };
	size_t n = strlen(a), m = strlen(b);

	if (n > SUGGEST_LENGTH_MAX || m > SUGGEST_LENGTH_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		distance_row(a, b, i, rows[(i + 1) % 3], rows[(i + 2) % 3], rows[i % 3]);
	return rows[n % 3][m];
}

/* A third of the word may differ; with more, the proposal would be a guess. */
static size_t tolerance(const char *wanted) {
	size_t n = strlen(wanted);

	return n < 3 ? 1 : n / 3 > 3 ? 3 : n / 3;
}

void suggest_offer(struct suggestion *s, const char *candidate) {
	size_t distance = edit_distance(s->wanted, candidate);

	if (distance > tolerance(s->wanted) || distance >= strlen(candidate))
		return;
	if (s->best && distance >= s->distance)
		return;
	s->best = candidate;
	s->distance = distance;
}
