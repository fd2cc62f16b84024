/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process stands still when nothing that a start brings about changes any more: threads, mappings,
 * pages touched for the first time. All of it is in one line of /proc/self/stat.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/io.h"
#include "librtmem/internal.h"

#define LOOKS_PER_WAIT 8
#define PAUSE_MIN_USEC 1000u
#define USEC_PER_SEC   UINT64_C(1000000)
#define STAT_LINE_MAX  1024

struct activity {
	uint64_t minor, major, n_threads, size_bytes;
};

static uint64_t now_usec(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static void pause_usec(uint64_t usec) {
	const struct timespec t = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_nsec = (long)(usec % USEC_PER_SEC) * 1000 };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* The name in the second field may hold anything, so fields count from its last parenthesis. */
static int look(struct activity *ret) {
	char line[STAT_LINE_MAX];
	const char *fields;
	int r = read_line_file("/proc/self/stat", line, sizeof(line));

	if (r < 0)
		return r;
	*ret = (struct activity){ 0 };
	fields = strrchr(line, ')');
	if (!fields ||
		sscanf(fields,
			") %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64
			" %*u %*u %*u %*d %*d %*d %*d %" SCNu64 " %*d %*u %" SCNu64,
			&ret->minor, &ret->major, &ret->n_threads, &ret->size_bytes) != 4)
		return -EBADMSG;
	return 0;
}

int rtmem_settle(uint64_t still_usec, uint64_t timeout_usec) {
	uint64_t start = now_usec(), since = start, pause = still_usec / LOOKS_PER_WAIT;
	struct activity before, now;
	int r = still_usec ? look(&before) : -EINVAL;

	while (r == 0) {
		pause_usec(pause < PAUSE_MIN_USEC ? PAUSE_MIN_USEC : pause);
		r = look(&now);
		if (r == 0 && memcmp(&before, &now, sizeof(now)) != 0) {
			before = now;
			since = now_usec();
		} else if (r == 0 && now_usec() - since >= still_usec) {
			return 0;
		}
		if (r == 0 && timeout_usec && now_usec() - start >= timeout_usec)
			r = -ETIMEDOUT;
	}
	return r;
}
