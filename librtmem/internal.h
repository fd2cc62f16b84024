/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBRTMEM_INTERNAL_H
#define RTMEM_LIBRTMEM_INTERNAL_H

/* What the parts of the library share. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "librtmem/rtmem.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- pages ------------------------------------------------------------------------------------- */

size_t page_bytes(void);
/** Up to whole pages; 0 when that overflows. */
size_t round_to_pages(size_t bytes);
/** Memory from mmap() with an inaccessible guard below; NULL and errno. */
char *map_guarded(size_t guard_bytes, size_t bytes);
void unmap_guarded(char *start, size_t guard_bytes, size_t bytes);

/* ---- messages ---------------------------------------------------------------------------------- */

/**
 * Sends one datagram to the socket at this path ("@": abstract); fd < 0: through a socket made for it,
 * waiting up to a few seconds; otherwise through fd, without waiting. 0 or a negative errno.
 */
int send_message(int fd, const char *path, const char *text, size_t len);

/* ---- counters ---------------------------------------------------------------------------------- */

#define SECTION_NAME_MAX 64

/** Section faults that the daemon doesn't know yet. */
struct untold {
	uint64_t minor, major; /* both 0: nothing */
	char name[SECTION_NAME_MAX];
	uint64_t told_usec; /* when the daemon was told last, CLOCK_MONOTONIC */
};

/** One thread's, in its thread-local storage. */
struct counters {
	uint64_t generation; /* of the process that it was prepared in; 0 = never */
	int source; /* enum rtmem_fault_source */
	int fd; /* all faults; -1 = getrusage */
	int fd_major;
	pid_t tid;
	struct perf_event_mmap_page *ring; /* NULL = none: each count is a read() */
	uint64_t seen; /* head of the ring or count of all, when the next two were read */
	uint64_t minor, major;
	uint64_t offset_minor, offset_major; /* of getrusage, where it goes on for a counter */
	uint64_t base_minor, base_major; /* at rtmem_ready(); atomic */
	struct untold untold;
	struct counters *next, **previous; /* all of this process, under its mutex */
};

/** The calling thread's, prepared; NULL and errno when nothing can be counted. */
struct counters *counters_get(void);
/** Faults since the counter was opened. */
void counters_read(struct counters *c, uint64_t *ret_minor, uint64_t *ret_major);
/** From now on all threads count from 0. */
void counters_restart(void);
/** Opens the way to the daemon, once. */
void untold_prepare(void);
/** Tells the daemon what it doesn't know yet. */
void untold_flush(struct counters *c);

#endif
