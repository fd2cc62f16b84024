/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CALLS_H
#define RTMEM_DAEMON_CALLS_H

/*
 * memory.seal: who changes the memory map, or is denied to. The kernel tells of each such system call of
 * a process under a seal, with its thread: nothing is done inside the program. Only while a process
 * is sealed does anybody pay for it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/seal.h"
#include "daemon/watch/rings.h"
#include "daemon/watch/tracepoint.h"

#define CALLS_THREADS_MAX 256 /* told apart; those of further threads are summed up */
#define CALLS_NAME_MAX	  32 /* printable */

struct thread_calls {
	pid_t tid;
	char name[CALLS_NAME_MAX];
	uint64_t n[SEAL_CALL_MAX];
};

/** Of the machine: found out when the first process needs it. */
struct tracing {
	bool tried;
	int error; /* why nothing is told; 0 = it is */
	struct rings rings;
	struct tracepoint asks, ends;
};

struct calls {
	pid_t pid;
	bool denied; /* those that the filter denied are counted, not all */
	bool begun;
	int error; /* -errno: nobody counts */
	int *events; /* of perf, one per CPU, for each thread that it was attached to */
	size_t n_events;
	const struct tracepoint *tracepoint;
	struct thread_calls *threads;
	size_t n_threads;
	uint64_t n[SEAL_CALL_MAX]; /* since ready */
	uint64_t n_records;
	uint64_t n_lost; /* calls of which no record came: too many at a time */
	uint64_t last_lost;
};

struct hands;
/** The first time: looks where and how the kernel can tell. */
void tracing_init(struct tracing *t, struct hands *hands);
void tracing_done(struct tracing *t);

/** Attaches to a process that is about to be executed, or (running) to every thread that it has. Never
 *  fails but for want of memory (NULL): `error` says why nobody counts. */
struct calls *calls_attach(struct tracing *t, pid_t pid, bool denied, bool running);
struct calls *calls_free(struct calls *c);
/** The kernel takes events off a process that execve()s a file it may not read. */
bool calls_detached(const struct calls *c);
/** Ready: counts from now on. */
void calls_begin(struct calls *c);
/** A record of this process. */
void calls_record(struct calls *c, const struct ring_record *record);
/** How many calls there were by the kernel's count; and, once all records were read, how many of them left
 *  none. */
uint64_t calls_counted(const struct calls *c);
void calls_compare(struct calls *c, uint64_t counted);

bool calls_any(const uint64_t n[static SEAL_CALL_MAX]);
/** "mmap 3, brk 1" */
const char *calls_to_text(const uint64_t n[static SEAL_CALL_MAX], char *buf, size_t size);
/** "thread worker (tid 12): mmap 3; ..." */
const char *calls_describe(const struct calls *c, char *buf, size_t size);
const struct thread_calls *calls_find_thread(const struct calls *c, pid_t tid);

#endif
