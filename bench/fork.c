/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fork costs its parent: `fork MIB ROUNDS`. The child ends at once; the parent writes a byte of each
 * page. Prints the medians of fork(), of the writing, and of the faults in it.
 */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 64

static uint64_t now_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static int counter_open(void) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t counter_read(int fd) {
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static int compare(const void *a, const void *b) {
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned long long median(uint64_t *values, size_t n) {
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void write_all(volatile char *block, size_t bytes) {
	for (size_t at = 0; at < bytes; at += 4096)
		block[at] = 1;
}

int main(int argc, char *argv[]) {
	static uint64_t fork_usec[ROUNDS_MAX], write_usec[ROUNDS_MAX], faults[ROUNDS_MAX];
	size_t bytes = argc > 2 ? (size_t)atoi(argv[1]) << 20 : 0;
	int rounds = argc > 2 ? atoi(argv[2]) : 0, fd = counter_open();
	char *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED || rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	memset(block, 1, bytes);
	for (int r = 0; r < rounds; r++) {
		uint64_t start = now_usec(), before;
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0)
			return 3;
		fork_usec[r] = now_usec() - start;
		before = counter_read(fd);
		start = now_usec();
		write_all(block, bytes);
		write_usec[r] = now_usec() - start;
		faults[r] = counter_read(fd) - before;
		waitpid(pid, NULL, 0);
	}
	printf("%llu %llu %llu\n", median(fork_usec, (size_t)rounds),
		median(write_usec, (size_t)rounds), median(faults, (size_t)rounds));
	return 0;
}
