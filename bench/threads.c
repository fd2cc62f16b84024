/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a new thread costs: `threads N`. N threads of the default size, one after the other, all of which
 * stay; for each the time that its creator spends in pthread_create(), the time until its function begins,
 * and the faults of both until it has used half of its stack. Prints the medians, and the mean of faults.
 */
#include <linux/perf_event.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

struct sample {
	uint64_t before_nsec, created_nsec, begun_nsec;
};

static sem_t done, may_end;
static size_t stack_bytes;

static uint64_t now_nsec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int counter_open(void) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.inherit = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 8 /* close on exec */);
}

static uint64_t counter_read(int fd) {
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static __attribute__((noinline)) void use_stack(size_t bytes) {
	char *frame = __builtin_alloca(bytes);

	for (size_t at = 0; at < bytes; at += 4096)
		((volatile char *)frame)[at] = 1;
}

static void *thread_main(void *userdata) {
	struct sample *s = userdata;

	s->begun_nsec = now_nsec();
	use_stack(stack_bytes / 2);
	sem_post(&done);
	sem_wait(&may_end);
	return NULL;
}

static int compare(const void *a, const void *b) {
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_usec(uint64_t *nsec, size_t n) {
	qsort(nsec, n, sizeof(*nsec), compare);
	n /= 2;
	return (double)nsec[n] / 1000;
}

/* False when a thread can't be created. */
static bool create_all(struct sample *samples, int n) {
	static pthread_t threads[THREADS_MAX];
	int created = 0;

	for (; created < n; created++) {
		struct sample *s = &samples[created];

		s->before_nsec = now_nsec();
		if (pthread_create(&threads[created], NULL, thread_main, s) != 0)
			break;
		s->created_nsec = now_nsec();
		sem_wait(&done);
	}
	for (int t = 0; t < created; t++)
		sem_post(&may_end);
	for (int t = 0; t < created; t++)
		pthread_join(threads[t], NULL);
	return created == n;
}

int main(int argc, char *argv[]) {
	static struct sample samples[THREADS_MAX];
	static uint64_t create[THREADS_MAX], begin[THREADS_MAX];
	int n = argc > 1 ? atoi(argv[1]) : 0, fd;
	pthread_attr_t attr;
	uint64_t faults;

	if (n < 1 || n > THREADS_MAX)
		return 2;
	pthread_attr_init(&attr);
	pthread_attr_getstacksize(&attr, &stack_bytes);
	sem_init(&done, 0, 0);
	sem_init(&may_end, 0, 0);
	fd = counter_open();
	faults = counter_read(fd);
	if (!create_all(samples, n))
		return 3;
	faults = counter_read(fd) - faults;
	for (int s = 0; s < n; s++) {
		create[s] = samples[s].created_nsec - samples[s].before_nsec;
		begin[s] = samples[s].begun_nsec - samples[s].before_nsec;
	}
	printf("%.1f %.1f %.1f\n", median_usec(create, (size_t)n), median_usec(begin, (size_t)n),
		(double)faults / n);
	return 0;
}
