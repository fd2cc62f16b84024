/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast is the heap step of libinit, beside the ways that the kernel offers itself? Each measurement
 * is a fresh process, the methods take turns, and each is run once unmeasured before, so that the
 * frames come from the machine and not from a host below it. `limit` writes memory that is there.
 *
 * usage: bench-prefault RTMEM-EXEC MIB ROUNDS
 * Prints `METHOD MEDIAN-MSEC BEST-MSEC` for each; `-` where it doesn't work. The best is what to compare on a
 * machine that does other things too: they only ever add time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/units.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define ROUNDS_MAX 32

static size_t size_bytes;
static const char *helper;
static int plan_fd = -1;

static char *map(int flags) {
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Each method returns what it took in nanoseconds, or 0 when it doesn't work here. */

static uint64_t method_lock_future(void) {
	if (mlockall(MCL_FUTURE) < 0)
		return 0;
	uint64_t start = now_nsec();
	return map(0) ? now_nsec() - start : 0;
}

static uint64_t method_map_populate(void) {
	uint64_t start = now_nsec();

	return map(MAP_POPULATE) ? now_nsec() - start : 0;
}

static uint64_t method_populate_write(void) {
	uint64_t start = now_nsec();
	char *p = map(0);

	return p && madvise(p, size_bytes, MADV_POPULATE_WRITE) == 0 ? now_nsec() - start : 0;
}

static uint64_t method_touch(void) {
	uint64_t start = now_nsec();
	volatile char *p = map(0);

	if (!p)
		return 0;
	for (size_t i = 0; i < size_bytes; i += 4096)
		p[i] = 1;
	return now_nsec() - start;
}

static uint64_t method_limit(void) {
	char *p = map(MAP_POPULATE);

	if (!p)
		return 0;
	memset(p, 1, size_bytes);
	uint64_t start = now_nsec();
	memset(p, 2, size_bytes);
	__asm__ volatile("" ::"r"(p) : "memory"); /* the writes count as used */
	return now_nsec() - start;
}

/* libinit's own figure: all it did between its first instruction and its report */
static uint64_t method_libinit(void) {
	struct report r;

	if (launch_and_wait(helper, plan_fd, &r) < 0 || r.heap_bytes < size_bytes)
		return 0;
	return r.init_usec * 1000;
}

static const struct method {
	const char *name;
	uint64_t (*run)(void);
} methods[] = {
	{ "libinit-heap-step", method_libinit },
	{ "mlockall-future-mmap", method_lock_future },
	{ "map-populate", method_map_populate },
	{ "madv-populate-write", method_populate_write },
	{ "touch-each-page", method_touch },
	{ "limit-memset-present", method_limit },
};

static uint64_t run_in_child(uint64_t (*run)(void)) {
	uint64_t result = 0;
	int ends[2];

	if (pipe(ends) < 0)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		result = run();
		_exit(write(ends[1], &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
	}
	(void)close(ends[1]);
	if (pid < 0 || read(ends[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = 0;
	(void)close(ends[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return result;
}

/* Sorts the values. */
static void print_method(const char *name, double *msec, size_t rounds) {
	double middle = median(msec, rounds);

	if (msec[0] > 0)
		printf("%s %.2f %.2f\n", name, middle, msec[0]);
	else
		printf("%s - -\n", name);
}

int main(int argc, char **argv) {
	static double msec[ARRAY_LEN(methods)][ROUNDS_MAX]; /* 0: it didn't work */
	uint64_t mib, rounds;
	char policy[512];

	if (argc != 4 || parse_u64(argv[2], &mib) < 0 || parse_u64(argv[3], &rounds) < 0 ||
		rounds < 1 || rounds > ROUNDS_MAX || mib < 1 || mib > 65536) {
		fprintf(stderr, "usage: prefault RTMEM-EXEC MIB ROUNDS\n");
		return EXIT_FAILURE;
	}
	helper = argv[1];
	size_bytes = (size_t)mib << 20;
	(void)snprintf(policy, sizeof(policy),
		"version: 1\nprocesses:\n  bench:\n    command: [/bin/true]\n"
		"    memory: { lock: strict, heap: { prealloc: %lluM }, stack: { main: 0 } }\n",
		(unsigned long long)mib);
	plan_fd = plan_from_policy(policy, "bench");
	if (plan_fd < 0)
		return EXIT_FAILURE;
	for (size_t round = 0; round < rounds; round++)
		for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
			(void)run_in_child(methods[m].run);
			msec[m][round] = (double)run_in_child(methods[m].run) / 1e6;
		}
	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		print_method(methods[m].name, msec[m], (size_t)rounds);
	return EXIT_SUCCESS;
}
