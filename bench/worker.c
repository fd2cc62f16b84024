/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that does what it is told, so that what the daemon does to it can be measured: page faults
 * in a given number, or a real-time cycle that maps memory. It starts, does everything once (what must
 * become present is present then), says `ready` and reads commands.
 *
 * usage: worker COMMANDS ANSWERS      two FIFOs
 *   fault N      touches N absent pages                          answers NSEC_PER_FAULT
 *   map CYCLES   every 250 us mmap of 16 KiB, touch, munmap      answers P50_NSEC P99.9_NSEC
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"

#define PAGE	     ((size_t)4096)
#define FAULTS_MAX   4096u
#define CYCLES_MAX   65536u
#define PERIOD_NSEC  250000
#define MAPPED_BYTES (4 * PAGE)

static char *region;
static double cycle_nsec[CYCLES_MAX];

static void touch(volatile char *p, size_t n_pages) {
	for (size_t i = 0; i < n_pages; i++)
		p[i * PAGE] = 1;
}

/* The range keeps its page tables, so each touch costs one fault and nothing else. */
static int fault(size_t n, char *answer, size_t size) {
	if (n < 1 || n > FAULTS_MAX || madvise(region, FAULTS_MAX * PAGE, MADV_DONTNEED) < 0)
		return -1;
	uint64_t start = now_nsec();
	touch(region, n);
	uint64_t nsec = now_nsec() - start;
	return snprintf(answer, size, "%.1f\n", (double)nsec / (double)n);
}

static int map_cycle(double *ret_nsec) {
	uint64_t start = now_nsec();
	char *p = mmap(
		NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	touch(p, MAPPED_BYTES / PAGE);
	if (munmap(p, MAPPED_BYTES) < 0)
		return -1;
	*ret_nsec = (double)(now_nsec() - start);
	return 0;
}

static int map(size_t n, char *answer, size_t size) {
	struct timespec next;

	if (n < 1 || n > CYCLES_MAX)
		return -1;
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	for (size_t i = 0; i < n; i++) {
		next.tv_nsec += PERIOD_NSEC;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (map_cycle(&cycle_nsec[i]) < 0)
			return -1;
	}
	double p50 = median(cycle_nsec, n); /* sorts */
	return snprintf(answer, size, "%.0f %.0f\n", p50, cycle_nsec[(n - 1) * 999 / 1000]);
}

static int obey(const char *line, char *answer, size_t size) {
	static const struct {
		const char *name;
		int (*fn)(size_t n, char *answer, size_t size);
	} commands[] = { { "fault ", fault }, { "map ", map } };
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t length = strlen(commands[i].name);
		if (strncmp(line, commands[i].name, length) == 0 &&
			parse_u64(line + length, &n) == 0)
			return commands[i].fn(n, answer, size);
	}
	return -1;
}

/* A command is short and sent alone: one read() takes all of it. */
static int serve(int commands_fd, int answers_fd) {
	char line[64], answer[64];

	for (;;) {
		ssize_t n = read(commands_fd, line, sizeof(line) - 1);
		if (n <= 0)
			return n < 0;
		line[n - (line[n - 1] == '\n')] = '\0';
		int length = obey(line, answer, sizeof(answer));
		if (length < 0 || write_all(answers_fd, answer, (size_t)length) < 0) {
			fprintf(stderr, "worker: can't do \"%s\"\n", line);
			return EXIT_FAILURE;
		}
	}
}

int main(int argc, char **argv) {
	char answer[64];

	if (argc != 3) {
		fprintf(stderr, "usage: worker COMMANDS ANSWERS\n");
		return 2;
	}
	_cleanup_close_ int commands = open(argv[1], O_RDWR | O_CLOEXEC);
	_cleanup_close_ int answers = open(argv[2], O_RDWR | O_CLOEXEC);
	region = mmap(NULL, FAULTS_MAX * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (commands < 0 || answers < 0 || region == MAP_FAILED) {
		perror("worker");
		return EXIT_FAILURE;
	}
	(void)madvise(region, FAULTS_MAX * PAGE, MADV_NOHUGEPAGE);
	memset(cycle_nsec, 0, sizeof(cycle_nsec));
	(void)obey("fault 4096", answer, sizeof(answer)); /* locked pages can't be given back */
	if (obey("map 100", answer, sizeof(answer)) < 0 || write_all(answers, "ready\n", 6) < 0)
		return EXIT_FAILURE;
	return serve(commands, answers);
}
