/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_GUESTS_FAULTS_H
#define RTMEM_TESTS_GUESTS_FAULTS_H

/* Counts the faults of this process and of the threads that it starts later: real ones, not pages that
 * a lock populated. Exits with 77 where the kernel doesn't let it. */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int faults_open_for(unsigned inherit) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.inherit = inherit & 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 8 /* close on exec */);

	if (fd < 0) {
		perror("perf_event_open");
		exit(77);
	}
	return (int)fd;
}

static inline int faults_open(void) {
	return faults_open_for(1);
}

/* Of the calling thread only. */
static inline int faults_open_self(void) {
	return faults_open_for(0);
}

static inline uint64_t faults_read(int fd) {
	uint64_t count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		exit(77);
	return count;
}

/* A system call that does nothing, to be found in a trace. */
static inline void mark(void) {
	(void)syscall(SYS_getppid);
}

#endif
