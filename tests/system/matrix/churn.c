/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program with a steady cycle in plain C, so that it can be built in every way that matters: against
 * musl, statically, with AddressSanitizer. Two threads and the main one allocate, touch and free objects
 * of up to 256 KiB, some hundred times a second, and keep some of them.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#define KEPT 64

static void touch(volatile char *p, size_t n) {
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
}

static void *work(void *data) {
	struct timespec pause = { .tv_nsec = 2000000 };
	char *kept[KEPT] = { 0 };
	unsigned state = *(unsigned *)data;

	for (;;) {
		for (unsigned i = 0; i < 8; i++) {
			state = state * 1103515245u + 12345u;
			size_t n = (size_t)16 << (state >> 24) % 15;
			char **slot = &kept[(state >> 16) % KEPT];
			free(*slot);
			*slot = malloc(n);
			if (!*slot)
				abort();
			touch(*slot, n);
		}
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(void) {
	static unsigned seeds[] = { 1, 2, 3 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, &seeds[0]) ||
		pthread_create(&thread, NULL, work, &seeds[1]))
		return 1;
	(void)work(&seeds[2]);
	return 0;
}
