/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that take and give back blocks of one pool, each block marked by who has it. Ends with 0 if no
 * block was ever out twice and all came back. Run by itself, under helgrind, and under ThreadSanitizer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "librtmem/rtmem.h"

#define N_THREADS 4
#define N_BLOCKS  6

struct worker {
	struct rtmem_pool *pool;
	long n_rounds;
	uintptr_t number;
	long n_wrong;
};

static void *work(void *userdata) {
	struct worker *w = userdata;

	for (long i = 0; i < w->n_rounds; i++) {
		uintptr_t *a = rtmem_pool_get(w->pool), *b = rtmem_pool_get(w->pool);

		if (a)
			*a = w->number;
		if (b)
			*b = ~w->number;
		if ((a && *a != w->number) || (b && *b != ~w->number))
			w->n_wrong++;
		if (rtmem_pool_put(w->pool, a) < 0 || rtmem_pool_put(w->pool, b) < 0)
			w->n_wrong++;
		if (i % 64 == 0) {
			RTMEM_SECTION("race");

			(void)rtmem_ready(NULL);
		}
	}
	return NULL;
}

int main(int argc, char *argv[]) {
	struct worker workers[N_THREADS];
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	struct rtmem_thread *threads[N_THREADS];
	struct rtmem_pool_statistics s;
	struct rtmem_pool *pool;
	long n_wrong = 0;

	a.stack_bytes = (size_t)2 << 20; /* sanitizers want much */
	if (rtmem_pool_new(&pool, sizeof(uintptr_t), N_BLOCKS, 0) < 0)
		return 2;
	for (size_t i = 0; i < N_THREADS; i++) {
		workers[i] = (struct worker){ pool, argc > 1 ? atol(argv[1]) : 1000, i + 1, 0 };
		if (rtmem_thread_create(&threads[i], &a, work, &workers[i]) < 0)
			return 2;
	}
	for (size_t i = 0; i < N_THREADS; i++) {
		rtmem_thread_join(threads[i], NULL);
		n_wrong += workers[i].n_wrong;
	}
	rtmem_pool_inspect(pool, &s);
	rtmem_pool_free(pool);
	printf("%ld wrong, %zu out, %zu at most, %llu times exhausted, %llu refused\n", n_wrong,
		s.n_used, s.n_used_most, (unsigned long long)s.n_exhausted,
		(unsigned long long)s.n_refused);
	return n_wrong == 0 && s.n_used == 0 && s.n_refused == 0 ? 0 : 1;
}
