/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts the page faults that running processes take in a time, in the same way whether or not rtmem
 * looks after them: the kernel's software counters on each of their threads, inherited by threads that
 * are created meanwhile but not by child processes. These count real faults only; where perf_event_open
 * is refused, minflt and majflt of /proc/PID/stat are taken instead, which also count populated pages,
 * and the line says so.
 *
 * usage: count-faults SECONDS PID...      prints `PID MINOR MAJOR SECONDS perf|proc` for each
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

#define THREADS_MAX 1024

struct counter {
	uint64_t minor;
	uint64_t major;
};

struct target {
	pid_t pid;
	int minor_fds[THREADS_MAX];
	int major_fds[THREADS_MAX];
	size_t n_threads;
	bool from_proc;
	struct counter start; /* of /proc, when from_proc */
};

static int open_counter(pid_t tid, uint64_t config) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = config,
		.inherit = 1,
		.inherit_thread =
			1, /* since Linux 5.13; before it, child processes count as well */
	};

	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0 || errno != EINVAL)
		return fd;
	attr.inherit_thread = 0;
	return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static int attach_thread(struct target *t, pid_t tid) {
	if (t->n_threads == THREADS_MAX)
		return -E2BIG;
	_cleanup_close_ int minor = open_counter(tid, PERF_COUNT_SW_PAGE_FAULTS_MIN);
	if (minor < 0)
		return -errno;
	int major = open_counter(tid, PERF_COUNT_SW_PAGE_FAULTS_MAJ);
	if (major < 0)
		return -errno;
	t->minor_fds[t->n_threads] = TAKE_FD(minor);
	t->major_fds[t->n_threads++] = major;
	return 0;
}

/* A thread that ends while we look is no error; one that can't be counted is. */
static int attach_threads(struct target *t) {
	char path[64];
	struct dirent *entry;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", t->pid);
	_cleanup_closedir_ DIR *tasks = opendir(path);
	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		uint64_t tid;

		if (parse_u64(entry->d_name, &tid) < 0)
			continue;
		int r = attach_thread(t, (pid_t)tid);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	return t->n_threads > 0 ? 0 : -ESRCH;
}

/* Fields 10 and 12 of /proc/PID/stat; the name before them may hold anything, also brackets. */
static int read_proc(pid_t pid, struct counter *ret) {
	char path[64], line[1024];
	unsigned long minor, major;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return -ESRCH;
	const char *rest = strrchr(line, ')');
	if (!rest ||
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor, &major) != 2)
		return -EBADMSG;
	*ret = (struct counter){ minor, major };
	return 0;
}

static uint64_t sum(const int *fds, size_t n) {
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		if (read(fds[i], &value, sizeof(value)) == (ssize_t)sizeof(value))
			total += value;
	}
	return total;
}

static int target_read(const struct target *t, struct counter *ret) {
	if (t->from_proc)
		return read_proc(t->pid, ret);
	*ret = (struct counter){ sum(t->minor_fds, t->n_threads), sum(t->major_fds, t->n_threads) };
	return 0;
}

static int target_init(struct target *t, const char *pid_text) {
	uint64_t pid;

	if (parse_u64(pid_text, &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return -EINVAL;
	*t = (struct target){ .pid = (pid_t)pid };
	int r = attach_threads(t);
	if (r >= 0)
		return 0;
	if (r == -ESRCH || r == -ENOENT)
		return -ESRCH;
	t->from_proc = true;
	return read_proc(t->pid, &t->start);
}

static double now_seconds(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double end) {
	struct timespec t = { .tv_sec = (time_t)end,
		.tv_nsec = (long)((end - (double)(time_t)end) * 1e9) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
	}
}

static int report(const struct target *t, double seconds) {
	struct counter end = { 0 };
	int r = target_read(t, &end);

	if (r < 0) {
		fprintf(stderr, "count-faults: process %d ended meanwhile\n", t->pid);
		return r;
	}
	printf("%d %llu %llu %.2f %s\n", t->pid, (unsigned long long)(end.minor - t->start.minor),
		(unsigned long long)(end.major - t->start.major), seconds,
		t->from_proc ? "proc" : "perf");
	return 0;
}

int main(int argc, char **argv) {
	bool failed = false;
	char *end = NULL;
	double seconds = argc > 2 ? strtod(argv[1], &end) : 0;

	if (seconds <= 0 || seconds > 3600 || !end || *end) {
		fprintf(stderr, "usage: count-faults SECONDS PID...\n");
		return EXIT_FAILURE;
	}
	size_t n = (size_t)argc - 2;
	_cleanup_free_ struct target *targets = calloc(n, sizeof(*targets));
	if (!targets)
		return EXIT_FAILURE;
	for (size_t i = 0; i < n; i++) {
		int r = target_init(&targets[i], argv[i + 2]);
		if (r < 0) {
			fprintf(stderr, "count-faults: process %s: %s\n", argv[i + 2],
				strerror(-r));
			return EXIT_FAILURE;
		}
	}
	double start = now_seconds();
	sleep_until(start + seconds);
	for (size_t i = 0; i < n; i++)
		failed |= report(&targets[i], now_seconds() - start) < 0;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
