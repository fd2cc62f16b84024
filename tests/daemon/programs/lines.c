/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lines N: writes N numbered lines of differing length to standard output, one write() each, as fast as it
 * can; then says on standard error what the longest write() took. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long now_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(int argc, char *argv[]) {
	long n = argc > 1 ? atol(argv[1]) : 0, longest = 0;
	char line[160], filling[100];

	memset(filling, 'x', sizeof(filling));
	for (long i = 0; i < n; i++) {
		int len = snprintf(line, sizeof(line), "%ld %.*s\n", i, (int)(i % 97), filling);
		long start = now_usec(), took;

		if (write(STDOUT_FILENO, line, (size_t)len) != len)
			return 1;
		took = now_usec() - start;
		if (took > longest)
			longest = took;
	}
	fprintf(stderr, "longest write: %ld us\n", longest);
	return 0;
}
