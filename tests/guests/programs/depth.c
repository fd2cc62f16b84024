/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Uses the main stack to a depth of `depth KIB`, and the clocks; prints the faults of each. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

static __attribute__((noinline)) void dive(size_t bytes) {
	char *frame = alloca(bytes);

	memset(frame, 1, bytes);
	__asm__ volatile("" : : "r"(frame) : "memory");
}

int main(int argc, char *argv[]) {
	size_t bytes = argc > 1 ? (size_t)atoi(argv[1]) << 10 : 0;
	int fd = faults_open();
	struct timespec t;
	uint64_t start, clocks, stack;

	if (!bytes)
		return 2;
	start = faults_read(fd);
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)time(NULL);
	clocks = faults_read(fd);
	dive(bytes);
	stack = faults_read(fd);
	printf("clock_faults=%llu\nstack_faults=%llu\n", (unsigned long long)(clocks - start),
		(unsigned long long)(stack - clocks));
	return 0;
}
