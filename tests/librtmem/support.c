/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/librtmem/support.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_SEC 10

size_t status_bytes(const char *field) {
	FILE *f = fopen("/proc/self/status", "re");
	size_t len = strlen(field);
	char line[256];
	size_t kilobytes = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, field, len) == 0 && line[len] == ':')
			kilobytes = strtoul(line + len + 1, NULL, 10);
	fclose(f);
	return kilobytes << 10;
}

long thread_stat(pid_t tid, int field) {
	char path[64], line[1024], *at, *saved = NULL;
	FILE *f;
	long value = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	at = strrchr(line, ')') + 1;
	for (int n = 3; n <= field; n++, at = NULL)
		value = strtol(strtok_r(at, " ", &saved), NULL, 10);
	return value;
}

bool wait_until(bool (*look)(void *userdata), void *userdata) {
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (look(userdata))
			return true;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < DEADLINE_SEC);
	return false;
}

bool may_lock(size_t bytes) {
	char *p = fresh(bytes);
	bool may = mlock(p, bytes) == 0;

	munmap(p, bytes);
	return may;
}

bool may_run_in_real_time(void) {
	const struct sched_param fifo = { .sched_priority = 30 }, other = { 0 };

	if (sched_setscheduler(0, SCHED_FIFO, &fifo) < 0)
		return false;
	return sched_setscheduler(0, SCHED_OTHER, &other) == 0;
}

size_t absent_bytes(const void *start, size_t len) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (len + page - 1) / page, absent = 0;
	unsigned char *present = calloc(1, n);
	void *first = (void *)((uintptr_t)start & ~(page - 1)); /* NOLINT: an address */

	assert_non_null(present);
	assert_int_equal(mincore(first, len, present), 0);
	for (size_t i = 0; i < n; i++)
		absent += present[i] & 1 ? 0 : page;
	free(present);
	return absent;
}

void touch(void *start, size_t len) {
	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)start)[i] = 1;
}

char *fresh(size_t len) {
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(madvise(p, len, MADV_NOHUGEPAGE), 0);
	return p;
}

int listen_at(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	return fd;
}

ssize_t next_message(int fd, char *buf, size_t size) {
	ssize_t n = recv(fd, buf, size - 1, 0);

	buf[n < 0 ? 0 : n] = '\0';
	return n;
}
