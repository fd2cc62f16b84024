/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a real-time thread pays for malloc, free and the first touch while others allocate beside it: one
 * SCHED_FIFO thread with four operations in each period, and four ordinary threads that never pause. All
 * keep objects of 16 B to 1 MiB (each doubling of the size equally likely), and an operation puts a new
 * object in the place of a random old one and writes to each of its pages. What the threads do before the
 * start signal (filling up, a while of the same work) isn't measured.
 *
 * usage: mixed OPERATIONS OBJECTS plain|locked|recipe [MIB]
 *   locked   mlockall before anything else
 *   recipe   the usual one: mallopt (no trim, no mmap), mlockall, MIB of heap touched and freed by main
 * Prints `KEY VALUE...` lines: malloc, free, touch with P50 P99 P99.9 P99.99 MAX in ns of the real-time
 * thread; its faults (real ones) and operations; rss, of the process, in MiB; rate, of the others, in
 * thousands per second.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/units.h"

#define PAGE	       ((size_t)4096)
#define THREADS	       5 /* the first is the real-time one */
#define OPERATIONS_MAX 400000u
#define PERIOD_NSEC    200000
#define PER_PERIOD     4
#define LATE_NSEC      400000u /* two periods: later than that, and the next one counts from now */
#define DOUBLINGS      16 /* 16 B << 16 = 1 MiB */
#define PRIORITY       80

enum {
	MALLOC,
	FREE,
	TOUCH,
	KINDS
};
static const char *const kind_names[KINDS] = { "malloc", "free", "touch" };

static struct {
	size_t operations;
	size_t slots; /* of one thread */
} options;

struct worker {
	pthread_t thread;
	bool realtime;
	bool failed;
	uint64_t random;
	char **slots;
	uint64_t operations;
	uint64_t faults;
};

static struct worker workers[THREADS];
static uint32_t samples[KINDS][OPERATIONS_MAX]; /* ns, of the real-time thread */
static pthread_barrier_t filled, start;
static atomic_bool stop;

static uint64_t next_random(struct worker *w) {
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	return w->random ^= w->random << 17;
}

static size_t random_size(struct worker *w) {
	uint64_t r = next_random(w);
	size_t least = (size_t)16 << (r >> 32) % DOUBLINGS;

	return least + (r & UINT32_MAX) % least;
}

static void touch(volatile char *p, size_t n) {
	for (size_t i = 0; i < n; i += PAGE)
		p[i] = 1;
	p[n - 1] = 1;
}

/* Times of the four moments are kept where the caller wants them. */
static bool replace(struct worker *w, uint64_t nsec[KINDS]) {
	if (options.slots == 0)
		return false;
	char **slot = &w->slots[(next_random(w) >> 20) % options.slots];
	size_t size = random_size(w);
	uint64_t t0 = now_nsec();
	free(*slot);
	uint64_t t1 = now_nsec();
	char *p = malloc(size);
	uint64_t t2 = now_nsec();
	*slot = p;
	w->operations++;
	if (!p)
		return false;
	touch(p, size);
	nsec[TOUCH] = now_nsec() - t2;
	nsec[MALLOC] = t2 - t1;
	nsec[FREE] = t1 - t0;
	return true;
}

static bool fill(struct worker *w) {
	uint64_t unused[KINDS];

	for (size_t i = 0; i < options.slots; i++) {
		size_t size = random_size(w);
		w->slots[i] = malloc(size);
		if (!w->slots[i])
			return false;
		touch(w->slots[i], size);
	}
	for (size_t i = 0; i < 4 * options.slots; i++)
		if (!replace(w, unused))
			return false;
	return true;
}

static int open_counter(void) {
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS };

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t read_faults(int fd) {
	uint64_t n;
	struct rusage usage;

	if (fd >= 0 && read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		return n;
	(void)getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_minflt;
}

static uint64_t timespec_nsec(const struct timespec *t) {
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static void sleep_until(struct timespec *next) {
	next->tv_nsec += PERIOD_NSEC;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR) {
	}
	if (now_nsec() > timespec_nsec(next) + LATE_NSEC)
		(void)clock_gettime(CLOCK_MONOTONIC, next);
}

static bool work_in_periods(struct worker *w) {
	struct timespec next;
	uint64_t nsec[KINDS];

	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	for (size_t i = 0; i < options.operations; i++) {
		if (i % PER_PERIOD == 0)
			sleep_until(&next);
		if (!replace(w, nsec))
			return false;
		for (size_t kind = 0; kind < KINDS; kind++)
			samples[kind][i] = (uint32_t)(nsec[kind] < UINT32_MAX ? nsec[kind]
									      : UINT32_MAX);
	}
	return true;
}

static bool work_without_pause(struct worker *w) {
	uint64_t unused[KINDS];

	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		if (!replace(w, unused))
			return false;
	return true;
}

static bool become_realtime(void) {
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	(void)sched_setaffinity(
		0, sizeof(first), &first); /* where the machine has no CPU 0, anywhere */
	return sched_setscheduler(
		       0, SCHED_FIFO, &(struct sched_param){ .sched_priority = PRIORITY }) == 0;
}

static void *run(void *data) {
	struct worker *w = data;
	_cleanup_close_ int counter = w->realtime ? open_counter() : -1;

	w->failed = !fill(w);
	if (w->realtime && !become_realtime()) {
		perror("mixed: SCHED_FIFO");
		w->failed = true;
	}
	(void)pthread_barrier_wait(&filled);
	(void)pthread_barrier_wait(&start);
	w->operations = 0;
	uint64_t before = read_faults(counter);
	if (!w->failed)
		w->failed = w->realtime ? !work_in_periods(w) : !work_without_pause(w);
	w->faults = read_faults(counter) - before;
	if (w->realtime)
		atomic_store(&stop, true);
	return NULL;
}

static int compare(const void *a, const void *b) {
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_kind(size_t kind) {
	static const double percents[] = { 50, 99, 99.9, 99.99 };
	uint32_t *s = samples[kind];
	size_t n = options.operations;

	qsort(s, n, sizeof(*s), compare);
	printf("%s", kind_names[kind]);
	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++)
		printf(" %u", s[(size_t)((double)(n - 1) * percents[i] / 100)]);
	printf(" %u\n", s[n - 1]);
}

static size_t resident_mib(void) {
	unsigned long pages = 0;
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		return 0;
	return pages * PAGE >> 20;
}

/* As it's printed in many places: every page of a large block once, and the block freed again. */
static int follow_recipe(size_t mib) {
	if (mib == 0 || !mallopt(M_TRIM_THRESHOLD, -1) || !mallopt(M_MMAP_MAX, 0) ||
		mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return -1;
	char *p = malloc(mib << 20);
	if (!p)
		return -1;
	touch(p, mib << 20);
	free(p);
	return 0;
}

static int prepare(const char *way, size_t mib) {
	memset(samples, 0, sizeof(samples)); /* present, so that keeping a time doesn't count */
	if (strcmp(way, "recipe") == 0)
		return follow_recipe(mib);
	return strcmp(way, "locked") == 0 ? mlockall(MCL_CURRENT | MCL_FUTURE) : 0;
}

static int start_worker(size_t i) {
	struct worker *w = &workers[i];

	*w = (struct worker){ .realtime = i == 0, .random = 0x9e3779b97f4a7c15u * (i + 1) };
	w->slots = mmap(NULL, options.slots * sizeof(char *), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return w->slots == MAP_FAILED ? -1 : pthread_create(&w->thread, NULL, run, w);
}

static int measure(void) {
	uint64_t others = 0;
	bool failed = false;

	(void)pthread_barrier_init(&filled, NULL, THREADS + 1);
	(void)pthread_barrier_init(&start, NULL, THREADS + 1);
	for (size_t i = 0; i < THREADS; i++)
		if (start_worker(i) != 0)
			return -1;
	(void)pthread_barrier_wait(&filled);
	uint64_t begin = now_nsec();
	(void)pthread_barrier_wait(&start);
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		failed |= workers[i].failed;
		others += i > 0 ? workers[i].operations : 0;
	}
	double msec = (double)(now_nsec() - begin) / 1e6;
	for (size_t kind = 0; kind < KINDS; kind++)
		print_kind(kind);
	printf("faults %llu\noperations %llu\nrss %zu\nrate %.1f\n",
		(unsigned long long)workers[0].faults, (unsigned long long)workers[0].operations,
		resident_mib(), (double)others / msec);
	return failed ? -1 : 0;
}

int main(int argc, char **argv) {
	uint64_t operations = 0, objects = 0, mib = 0;

	if (argc < 4 || parse_u64(argv[1], &operations) < 0 || parse_u64(argv[2], &objects) < 0 ||
		(argc > 4 && parse_u64(argv[4], &mib) < 0) || operations < 1 ||
		operations > OPERATIONS_MAX || objects < THREADS || mib > 1u << 20) {
		fprintf(stderr, "usage: mixed OPERATIONS OBJECTS plain|locked|recipe [MIB]\n");
		return 2;
	}
	options.operations = operations;
	options.slots = objects / THREADS;
	if (prepare(argv[3], mib) < 0) {
		perror("mixed: locking");
		return 1;
	}
	int r = measure();
	if (r != 0)
		fprintf(stderr, "mixed: a thread couldn't do its work\n");
	(void)fflush(stdout);
	_exit(r == 0 ? 0 : 1); /* giving back a gigabyte is no part of it */
}
