/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A control loop at 1 kHz with everything that librtmem offers. Build and run:
 *
 *     cc rtmem-loop.c $(pkg-config --cflags --libs rtmem) -pthread -o rtmem-loop
 *     ./rtmem-loop 2
 *     rtmemctl run --policy camera -- ./rtmem-loop 2
 *
 * The argument is how many seconds it shall run. It's C and C++ alike.
 */
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rtmem.h>

#define PERIOD_NSEC 1000000L
#define N_SAMPLES   64

struct sample {
	int64_t at_nsec;
	double value;
};

struct loop {
	struct rtmem_pool *samples;
	long n_cycles;
	long n_faulty; /* cycles with a page fault */
	struct rtmem_fault_count faults; /* of the loop's thread, since ready */
};

static void next_period(struct timespec *t) {
	t->tv_nsec += PERIOD_NSEC;
	if (t->tv_nsec >= 1000000000L) {
		t->tv_nsec -= 1000000000L;
		t->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, t, NULL) == EINTR)
		continue;
}

/* One cycle; the section lasts until the function returns, by whichever way. */
static void control(struct loop *l) {
	struct timespec now;
	struct sample *s;
	RTMEM_SECTION("control loop");

	s = (struct sample *)rtmem_pool_get(l->samples);
	if (!s)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->at_nsec = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	s->value = (double)s->at_nsec * 1e-9;
	rtmem_pool_put(l->samples, s);
}

static void *run(void *argument) {
	struct loop *l = (struct loop *)argument;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < l->n_cycles; i++) {
		struct rtmem_section cycle;

		next_period(&next);
		rtmem_section_begin(&cycle, "cycle");
		control(l);
		if (rtmem_section_end(&cycle) > 0)
			l->n_faulty++;
	}
	rtmem_faults(&l->faults);
	return NULL;
}

static int fail(const char *what, int error) {
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

/* With the right to it, in real time; without, as it is. */
static int start(struct rtmem_thread **ret, struct loop *l) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	int r;

	a.name = "control";
	a.stack_bytes = 128 << 10;
	a.policy = SCHED_FIFO;
	a.priority = 40;
	r = rtmem_thread_create(ret, &a, run, l);
	if (r != -EPERM)
		return r;
	fprintf(stderr, "no right to SCHED_FIFO: an ordinary thread must do\n");
	a.policy = SCHED_OTHER;
	a.priority = 0;
	return rtmem_thread_create(ret, &a, run, l);
}

int main(int argc, char *argv[]) {
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	struct rtmem_pool_statistics pool;
	struct rtmem_thread *thread;
	struct loop l;
	int locked, r;

	memset(&l, 0, sizeof(l));
	l.n_cycles = (long)(seconds * 1e9 / PERIOD_NSEC);
	locked = rtmem_pool_new(&l.samples, sizeof(struct sample), N_SAMPLES, 0);
	if (locked < 0)
		return fail("pool", locked);
	r = start(&thread, &l);
	if (r < 0)
		return fail("thread", r);
	if (r == RTMEM_PRESENT)
		fprintf(stderr, "no right to lock memory: it's present, for now\n");
	r = rtmem_ready("control loop runs at 1 kHz");
	if (r < 0)
		return fail("ready", r);
	rtmem_thread_join(thread, NULL);
	rtmem_pool_inspect(l.samples, &pool);
	printf("%ld cycles, %ld with page faults; %llu minor and %llu major faults since ready\n",
		l.n_cycles, l.n_faulty, (unsigned long long)l.faults.minor,
		(unsigned long long)l.faults.major);
	printf("pool: %zu of %zu blocks used at most, exhausted %llu times\n", pool.n_used_most,
		pool.n_blocks, (unsigned long long)pool.n_exhausted);
	rtmem_pool_free(l.samples);
	return EXIT_SUCCESS;
}
