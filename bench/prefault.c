/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast is the heap step of libinit, beside the ways that the kernel offers itself? Each measurement
 * is a fresh process, the methods take turns, and each is run once unmeasured at first, so that the
 * frames come from the machine and not from a host below it. `limit` writes memory that is there. Those
 * of 2M take huge pages, which the caller has reserved.
 *
 * usage: bench-prefault RTMEM-EXEC MIB ROUNDS
 * Prints `METHOD MEDIAN-MSEC BEST-MSEC` for each; `-` where it doesn't work. The best is what to compare on a
 * machine that does other things too: they only ever add time.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/units.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif
#define ROUNDS_MAX 32

#define HUGE_PAGE (2u << 20)
#define CPUS_MAX  64

static size_t size_bytes;
static const char *helper;

struct method {
	const char *name;
	uint64_t (*run)(const struct method *m); /* nanoseconds; 0 when it doesn't work here */
	int flags; /* of mmap */
	int plan_fd;
	size_t step; /* of a loop that touches */
	const char *heap; /* policy of a launch */
};

static char *map(const struct method *m, int flags) {
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | m->flags | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static uint64_t method_lock_future(const struct method *m) {
	if (mlockall(MCL_FUTURE) < 0)
		return 0;
	uint64_t start = now_nsec();
	return map(m, 0) ? now_nsec() - start : 0;
}

static uint64_t method_map_populate(const struct method *m) {
	uint64_t start = now_nsec();

	return map(m, MAP_POPULATE) ? now_nsec() - start : 0;
}

static uint64_t method_populate_write(const struct method *m) {
	uint64_t start = now_nsec();
	char *p = map(m, 0);

	return p && madvise(p, size_bytes, MADV_POPULATE_WRITE) == 0 ? now_nsec() - start : 0;
}

struct share {
	pthread_t thread;
	char *start;
	size_t len;
	bool failed;
};

static void *populate_share(void *userdata) {
	struct share *s = userdata;

	s->failed = madvise(s->start, s->len, MADV_POPULATE_WRITE) < 0;
	return NULL;
}

/* The range divided evenly among a thread for each CPU, one call each. */
static uint64_t method_populate_threads(const struct method *m) {
	static struct share shares[CPUS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = cpus < 1 ? 1 : cpus > CPUS_MAX ? CPUS_MAX : (size_t)cpus;
	size_t part = size_bytes / n / HUGE_PAGE * HUGE_PAGE;
	uint64_t start = now_nsec();
	char *p = map(m, 0);

	if (!p)
		return 0;
	for (size_t i = 0; i < n; i++) {
		shares[i].start = p + i * part;
		shares[i].len = i + 1 < n ? part : size_bytes - i * part;
		if (i > 0 && pthread_create(&shares[i].thread, NULL, populate_share, &shares[i]))
			return 0;
	}
	(void)populate_share(&shares[0]);
	for (size_t i = 1; i < n; i++)
		(void)pthread_join(shares[i].thread, NULL);
	for (size_t i = 0; i < n; i++)
		if (shares[i].failed)
			return 0;
	return now_nsec() - start;
}

static uint64_t method_touch(const struct method *m) {
	uint64_t start = now_nsec();
	volatile char *p = map(m, 0);

	if (!p)
		return 0;
	for (size_t i = 0; i < size_bytes; i += m->step)
		p[i] = 1;
	return now_nsec() - start;
}

/* The loop that real-time tutorials print: malloc without trimming and mapping, each page written, the
 * faults counted after each. (What it prints about them isn't.) */
static uint64_t method_tutorial(const struct method *m) {
	struct rusage usage;
	volatile char *p;

	if (!mallopt(M_TRIM_THRESHOLD, -1) || !mallopt(M_MMAP_MAX, 0))
		return 0;
	uint64_t start = now_nsec();
	p = malloc(size_bytes);
	for (size_t i = 0; p && i < size_bytes; i += m->step) {
		p[i] = 0;
		(void)getrusage(RUSAGE_SELF, &usage);
	}
	return p ? now_nsec() - start : 0;
}

static uint64_t method_limit(const struct method *m) {
	char *p = map(m, MAP_POPULATE);

	if (!p)
		return 0;
	memset(p, 1, size_bytes);
	uint64_t start = now_nsec();
	memset(p, 2, size_bytes);
	__asm__ volatile("" ::"r"(p) : "memory"); /* the writes count as used */
	return now_nsec() - start;
}

/* libinit's own figure: all it did between its first instruction and its report */
static uint64_t method_libinit(const struct method *m) {
	struct report r;

	if (launch_and_wait(helper, m->plan_fd, &r) < 0 || r.heap_bytes < size_bytes)
		return 0;
	return r.init_usec * 1000;
}

static struct method methods[] = {
	{ "4K-libinit-heap-step", method_libinit, .heap = "" },
	{ "4K-madv-populate-write-all-cpus", method_populate_threads },
	{ "4K-mlockall-future-mmap", method_lock_future },
	{ "4K-map-populate", method_map_populate },
	{ "4K-madv-populate-write", method_populate_write },
	{ "4K-touch-each-page", method_touch, .step = 4096 },
	{ "4K-tutorial-loop", method_tutorial, .step = 4096 },
	{ "2M-libinit-heap-step", method_libinit, .heap = ", pages: 2M" },
	{ "2M-madv-populate-write-all-cpus", method_populate_threads, MAP_HUGETLB | MAP_HUGE_2MB },
	{ "2M-map-populate", method_map_populate, .flags = MAP_HUGETLB | MAP_HUGE_2MB },
	{ "2M-madv-populate-write", method_populate_write, .flags = MAP_HUGETLB | MAP_HUGE_2MB },
	{ "2M-touch-each-page", method_touch, .flags = MAP_HUGETLB | MAP_HUGE_2MB,
		.step = HUGE_PAGE },
	{ "limit-memset-present", method_limit },
};

static uint64_t run_in_child(const struct method *m) {
	uint64_t result = 0;
	int ends[2];

	if (pipe(ends) < 0)
		return 0;
	pid_t pid = fork();
	if (pid == 0) {
		result = m->run(m);
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

static int make_plan(struct method *m, unsigned long long mib) {
	char policy[512];

	if (!m->heap)
		return 0;
	(void)snprintf(policy, sizeof(policy),
		"version: 1\nprocesses:\n  bench:\n    command: [/bin/true]\n"
		"    memory: { lock: strict, heap: { prealloc: %lluM%s }, stack: { main: 0 } }\n",
		mib, m->heap);
	m->plan_fd = plan_from_policy(policy, "bench");
	return m->plan_fd < 0 ? m->plan_fd : 0;
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

	if (argc != 4 || parse_u64(argv[2], &mib) < 0 || parse_u64(argv[3], &rounds) < 0 ||
		rounds < 1 || rounds > ROUNDS_MAX || mib < 1 || mib > 65536) {
		fprintf(stderr, "usage: prefault RTMEM-EXEC MIB ROUNDS\n");
		return EXIT_FAILURE;
	}
	helper = argv[1];
	size_bytes = (size_t)mib << 20;
	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		if (make_plan(&methods[m], mib) < 0)
			return EXIT_FAILURE;
	for (size_t round = 0; round < rounds; round++)
		for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
			if (round == 0)
				(void)run_in_child(&methods[m]);
			msec[m][round] = (double)run_in_child(&methods[m]) / 1e6;
		}
	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		print_method(methods[m].name, msec[m], (size_t)rounds);
	return EXIT_SUCCESS;
}
