/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What librtmem costs inside of a time-critical section: a begin and end that see no fault, and a block
 * taken from a pool and given back; beside an uncontended mutex and two system calls. And what it costs
 * outside of one to make a thread whose stack is present, and to join it.
 *
 * usage: bench-section BATCHES
 * Prints `WHAT MEDIAN-NSEC BEST-NSEC` of one pair for each; the ways take turns.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <rtmem.h>

#include "bench/measure.h"
#include "common/cleanup.h"

#define PAIRS	    20000
#define THREADS	    50
#define BATCHES_MAX 100

static struct rtmem_pool *pool;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void section(void) {
	struct rtmem_section s;

	rtmem_section_begin(&s, "bench");
	rtmem_section_end(&s);
}

static void block(void) {
	rtmem_pool_put(pool, rtmem_pool_get(pool));
}

static void lock(void) {
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
}

static void two_calls(void) {
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	getrusage(RUSAGE_THREAD, &u);
}

static void *nothing(void *userdata) {
	return userdata;
}

static void thread(void) {
	struct rtmem_thread *t;

	if (rtmem_thread_create(&t, NULL, nothing, NULL) >= 0)
		rtmem_thread_join(t, NULL);
}

static const struct way {
	const char *name;
	void (*pair)(void);
	int n_pairs;
} ways[] = {
	{ "section", section, PAIRS },
	{ "pool", block, PAIRS },
	{ "mutex", lock, PAIRS },
	{ "usage", two_calls, PAIRS },
	{ "thread", thread, THREADS },
};

static double batch_nsec(const struct way *w) {
	uint64_t start = now_nsec();

	for (int i = 0; i < w->n_pairs; i++)
		w->pair();
	return (double)(now_nsec() - start) / w->n_pairs;
}

int main(int argc, char *argv[]) {
	static double nsec[ARRAY_LEN(ways)][BATCHES_MAX];
	size_t n = argc > 1 ? (size_t)atoi(argv[1]) : 20;

	if (n < 1 || n > BATCHES_MAX || rtmem_prepare() < 0 || rtmem_pool_new(&pool, 64, 16, 0) < 0)
		return EXIT_FAILURE;
	for (size_t b = 0; b < n; b++)
		for (size_t w = 0; w < ARRAY_LEN(ways); w++)
			nsec[w][b] = batch_nsec(&ways[w]);
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		double middle = median(nsec[w], n);

		printf("%s %.1f %.1f\n", ways[w].name, middle, nsec[w][0]);
	}
	return EXIT_SUCCESS;
}
