/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steady state of a periodic program, to be run with and without a policy.
 *   loop MIB CYCLES [touch|allocate] [THREADS]   each thread allocates, touches and frees (or only
 *                                                touches one block that is there) every 10 ms
 *   loop stack KIB CYCLES                        uses the main stack that deep
 *   loop default-stack                           prints the default stack size of a new thread
 * Prints `BUSY_P50_USEC FAULTS_PER_CYCLE`; faults are real ones (perf), or minflt where that is refused.
 * getppid() is called before and after the cycles: a mark for those who count system calls.
 */
#include <alloca.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

#define CYCLES_MAX  1000
#define THREADS_MAX 64

static struct {
	size_t size_bytes;
	size_t cycles;
	bool allocate;
} options;

static uint64_t now_usec(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static int open_counter(void) {
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.inherit = 1,
		.exclude_hv = 1 };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_faults(int fd) {
	uint64_t n;
	struct rusage usage;

	if (fd >= 0 && read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		return n;
	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_minflt;
}

static void touch(volatile char *p, size_t n) {
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
}

static __attribute__((noinline)) void use_stack(size_t n) {
	touch(alloca(n), n);
}

static int compare(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct worker {
	char *block; /* to touch only; NULL: allocate */
	uint64_t busy_usec[CYCLES_MAX];
	bool failed;
};
static struct worker workers[THREADS_MAX];
static pthread_barrier_t barrier; /* threads are there, and none has ended, while it's counted */

static void work(struct worker *w) {
	struct timespec pause = { .tv_nsec = 10L * 1000 * 1000 };

	for (size_t i = 0; i < options.cycles; i++) {
		(void)nanosleep(&pause, NULL);
		uint64_t start = now_usec();
		char *p = w->block ? w->block : malloc(options.size_bytes);
		w->failed |= !p;
		if (!p)
			return;
		touch(p, options.size_bytes);
		if (!w->block)
			free(p);
		w->busy_usec[i] = now_usec() - start;
	}
}

/* The first malloc of a thread makes its cache, which would split a large free block of another one. */
static void *thread(void *data) {
	void *volatile first = malloc(1);

	free(first);
	(void)pthread_barrier_wait(&barrier);
	work(data);
	(void)pthread_barrier_wait(&barrier);
	(void)pthread_barrier_wait(&barrier); /* ending gives the stack back: after the mark */
	return NULL;
}

static void prepare_workers(size_t n) {
	for (size_t i = 0; i < n; i++) {
		memset(&workers[i], 0, sizeof(workers[i])); /* present, so that it doesn't count */
		if (options.allocate)
			continue;
		workers[i].block = malloc(options.size_bytes);
		if (workers[i].block)
			touch(workers[i].block, options.size_bytes);
	}
}

static int run_loop(size_t n_threads) {
	pthread_t threads[THREADS_MAX];
	size_t n_workers = n_threads ? n_threads : 1;

	prepare_workers(n_workers);
	if (pthread_barrier_init(&barrier, NULL, (unsigned)n_threads + 1))
		return 1;
	int counter = open_counter();
	for (size_t i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, thread, &workers[i]))
			return 1;
	uint64_t before = read_faults(counter);
	(void)getppid();
	(void)pthread_barrier_wait(&barrier);
	if (n_threads == 0)
		work(&workers[0]);
	(void)pthread_barrier_wait(&barrier);
	(void)getppid();
	uint64_t faults = read_faults(counter) - before;

	(void)pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < n_threads; i++)
		(void)pthread_join(threads[i], NULL);
	for (size_t i = 0; i < n_workers; i++)
		if (workers[i].failed)
			return 1;
	qsort(workers[0].busy_usec, options.cycles, sizeof(uint64_t), compare);
	printf("%llu %.2f\n", (unsigned long long)workers[0].busy_usec[options.cycles / 2],
		(double)faults / (double)options.cycles);
	return 0;
}

static int run_stack(size_t kib) {
	int counter = open_counter();
	uint64_t before = read_faults(counter), start = now_usec();

	for (size_t i = 0; i < options.cycles; i++)
		use_stack(kib << 10);
	printf("%llu %.2f\n", (unsigned long long)(now_usec() - start),
		(double)(read_faults(counter) - before));
	return 0;
}

static void *stack_size(void *ret) {
	pthread_attr_t attr;
	void *base;
	size_t *size = ret;

	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		(void)pthread_attr_getstack(&attr, &base, size);
		(void)pthread_attr_destroy(&attr);
	}
	return NULL;
}

static int print_default_stack(void) {
	pthread_t t;
	size_t size = 0;

	if (pthread_create(&t, NULL, stack_size, &size))
		return 1;
	(void)pthread_join(t, NULL);
	printf("%zu\n", size);
	return 0;
}

int main(int argc, char **argv) {
	uint64_t a = 0, b = 0, threads = 0;

	if (argc == 2 && strcmp(argv[1], "default-stack") == 0)
		return print_default_stack();
	if (argc >= 4 && strcmp(argv[1], "stack") == 0 && parse_u64(argv[2], &a) == 0 &&
		parse_u64(argv[3], &b) == 0) {
		options.cycles = b;
		return run_stack(a);
	}
	if (argc < 4 || parse_u64(argv[1], &a) < 0 || parse_u64(argv[2], &b) < 0 || b < 1 ||
		b > CYCLES_MAX || (argc > 4 && parse_u64(argv[4], &threads) < 0) ||
		threads > THREADS_MAX) {
		fprintf(stderr, "usage: loop MIB CYCLES [touch|allocate] [THREADS]\n");
		return 2;
	}
	options.size_bytes = (size_t)a << 20;
	options.cycles = b;
	options.allocate = strcmp(argv[3], "allocate") == 0;
	return run_loop(threads);
}
