/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads whose stacks are used down to the end: `threads WHAT [N]`. Prints the faults of each thread from
 * its first line on, and those of everybody together, creation included. `same` asks whether threads are
 * what they always were.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <unistd.h>

#include "faults.h"

#define N_MAX	  1024
#define MARGIN	  (24u << 10) /* descriptor, thread-local storage, frames of libc */
#define OWN_BYTES (1u << 20)

static pthread_barrier_t barrier;
static size_t stack_bytes;
static uint64_t thread_faults;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void use_stack(size_t bytes) {
	char *frame = __builtin_alloca(bytes);

	for (size_t at = 0; at < bytes; at += 1024)
		((volatile char *)frame)[at] = 1;
}

static void *deep(void *unused) {
	int fd = faults_open();
	uint64_t n = faults_read(fd);

	use_stack(stack_bytes - MARGIN);
	n = faults_read(fd) - n;
	close(fd);
	pthread_mutex_lock(&mutex);
	thread_faults += n;
	pthread_mutex_unlock(&mutex);
	return unused;
}

static int deep_c11(void *unused) {
	(void)deep(unused);
	return 5;
}

static void one(const pthread_attr_t *attr) {
	pthread_t t;
	int error = pthread_create(&t, attr, deep, NULL);

	if (error) {
		fprintf(stderr, "pthread_create: %s\n", strerror(error));
		exit(3);
	}
	pthread_join(t, NULL);
}

static void run_default(int n) {
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_getstacksize(&attr, &stack_bytes);
	for (int i = 0; i < n; i++)
		one(NULL);
}

static void run_own(int n) {
	pthread_attr_t attr;

	stack_bytes = OWN_BYTES;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, OWN_BYTES);
	for (int i = 0; i < n; i++)
		one(&attr);
}

static void run_odd(int n) { /* not a number of pages */
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	for (int i = 0; i < n; i++) {
		stack_bytes = 300000 + 1000 * (size_t)i;
		pthread_attr_setstacksize(&attr, stack_bytes);
		one(&attr);
	}
}

static void run_block(int n) {
	void *block = mmap(
		NULL, OWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;

	stack_bytes = OWN_BYTES;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, block, OWN_BYTES);
	for (int i = 0; i < n; i++)
		one(&attr);
}

static void run_c11(int n) {
	pthread_attr_t attr;
	int result = 0;
	thrd_t t;

	pthread_attr_init(&attr);
	pthread_attr_getstacksize(&attr, &stack_bytes);
	for (int i = 0; i < n; i++) {
		if (thrd_create(&t, deep_c11, NULL) != thrd_success ||
			thrd_join(t, &result) != thrd_success || result != 5)
			exit(4);
	}
}

static void *at_barrier(void *unused) {
	pthread_barrier_wait(&barrier);
	return deep(unused);
}

/* All alive at once, and more than there are slots for. */
static void run_many(int n) {
	static pthread_t t[N_MAX];
	pthread_attr_t attr;

	stack_bytes = 64u << 10;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_bytes);
	pthread_barrier_init(&barrier, NULL, (unsigned)n);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], &attr, at_barrier, NULL) != 0)
			exit(5);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

/* ---- same -------------------------------------------------------------------------------------- */

static void *returns(void *argument) {
	return (char *)argument + 1;
}

static void *exits(void *argument) {
	pthread_exit((char *)argument + 2);
}

static int n_cleaned;

static void clean(void *unused) {
	n_cleaned++;
}

static void *waits(void *unused) {
	pthread_cleanup_push(clean, NULL);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *keeps_errno(void *unused) {
	return errno == 0 ? (void *)1 : NULL;
}

static void *own_attributes(void *ret) {
	pthread_attr_t attr;

	if (pthread_getattr_np(pthread_self(), &attr) == 0)
		pthread_attr_getstacksize(&attr, ret);
	pthread_attr_destroy(&attr);
	return NULL;
}

static void *joined(void *(*function)(void *), void *argument, bool cancel) {
	void *result = NULL;
	pthread_t t;

	if (pthread_create(&t, NULL, function, argument) != 0)
		return (void *)-2;
	if (cancel)
		pthread_cancel(t);
	pthread_join(t, &result);
	return result;
}

static bool refuses(void) {
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setguardsize(&attr, (size_t)1 << 60);
	return pthread_create(&t, &attr, returns, NULL) != 0;
}

static void run_same(int n) {
	char name[17] = "", x[3];
	size_t size = 0, wanted;
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_getstacksize(&attr, &wanted);
	for (int i = 0; i < n; i++) {
		printf("returns=%d\n", joined(returns, x, false) == x + 1);
		printf("exits=%d\n", joined(exits, x, false) == x + 2);
		printf("cancelled=%d\n", joined(waits, NULL, true) == PTHREAD_CANCELED);
		printf("errno=%d\n", joined(keeps_errno, NULL, false) == (void *)1);
		(void)joined(own_attributes, &size, false);
		printf("size=%d\n", size == wanted);
		printf("refuses=%d\n", refuses());
	}
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	printf("detached=%d\n", pthread_create(&t, &attr, returns, x) == 0);
	pthread_create(&t, NULL, waits, NULL);
	pthread_getname_np(t, name, sizeof(name));
	printf("name=%d\n", strcmp(name, program_invocation_short_name) == 0 || strlen(name) == 15);
	pthread_cancel(t);
	pthread_join(t, NULL);
}

static const struct {
	const char *name;
	void (*run)(int n);
} what[] = {
	{ "default", run_default },
	{ "own", run_own },
	{ "odd", run_odd },
	{ "block", run_block },
	{ "c11", run_c11 },
	{ "many", run_many },
	{ "same", run_same },
};

int main(int argc, char *argv[]) {
	int n = argc > 2 ? atoi(argv[2]) : 1, fd = faults_open();
	uint64_t before;

	if (argc < 2 || n < 1 || n > N_MAX)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 4096);
	before = faults_read(fd);
	for (size_t w = 0; w < sizeof(what) / sizeof(*what); w++)
		if (strcmp(argv[1], what[w].name) == 0)
			what[w].run(n);
	before = faults_read(fd) - before;
	printf("thread_faults=%llu\nall_faults=%llu\n", (unsigned long long)thread_faults,
		(unsigned long long)before);
	return 0;
}
