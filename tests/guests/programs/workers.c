/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that allocate, fill and free: `workers THREADS MIB ROUNDS [one]`. With "one" they take turns,
 * so that one block is alive at a time. Prints the faults between the two marks.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define THREADS_MAX 64

static pthread_barrier_t barrier;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static size_t block_bytes;
static int rounds;
static bool one_at_a_time;
static int failed;

static void round_once(void) {
	volatile char *block;

	if (one_at_a_time)
		pthread_mutex_lock(&turn);
	block = malloc(block_bytes);
	if (block)
		for (size_t at = 0; at < block_bytes; at += 4096)
			block[at] = 1;
	else
		failed = 1;
	free((void *)block);
	if (one_at_a_time)
		pthread_mutex_unlock(&turn);
}

static void *worker(void *unused) {
	pthread_barrier_wait(&barrier); /* all are there */
	pthread_barrier_wait(&barrier); /* counting has begun */
	for (int r = 0; r < rounds; r++)
		round_once();
	pthread_barrier_wait(&barrier); /* all are done */
	pthread_barrier_wait(&barrier); /* counting has ended */
	return unused;
}

int main(int argc, char *argv[]) {
	int n = argc > 3 ? atoi(argv[1]) : 0, fd;
	pthread_t threads[THREADS_MAX];
	uint64_t before, after;

	if (n < 1 || n > THREADS_MAX)
		return 2;
	block_bytes = (size_t)atoi(argv[2]) << 20;
	rounds = atoi(argv[3]);
	one_at_a_time = argc > 4 && strcmp(argv[4], "one") == 0;
	fd = faults_open();
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	for (int t = 0; t < n; t++)
		if (pthread_create(&threads[t], NULL, worker, NULL) != 0)
			return 3;
	pthread_barrier_wait(&barrier);
	before = faults_read(fd);
	mark();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	mark();
	after = faults_read(fd);
	pthread_barrier_wait(&barrier);
	for (int t = 0; t < n; t++)
		pthread_join(threads[t], NULL);
	printf("faults=%llu\nfailed=%d\n", (unsigned long long)(after - before), failed);
	return 0;
}
