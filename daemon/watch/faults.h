/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_FAULTS_H
#define RTMEM_DAEMON_FAULTS_H

/*
 * Page faults of one managed process. Counting events (cheap, exact) say how many; sampling events,
 * switched on at ready, say which thread and where. Where perf is refused, /proc counts instead, and
 * then pages populated ahead count too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/watch/rings.h"
#include "host/process.h"

#define THREADS_MAX	512 /* threads with faults that are told apart; the rest is summed up */
#define THREAD_NAME_MAX 16

enum fault_kind {
	FAULT_MINOR,
	FAULT_MAJOR,
	FAULT_KIND_MAX,
};

struct thread_faults {
	pid_t tid;
	char name[THREAD_NAME_MAX];
	struct fault_count count; /* since ready */
	struct fault_count base; /* /proc source: what it had at ready */
	uint64_t last_address;
	uint64_t last_instruction;
};

/** One sampling event: kind and CPU of a task. */
struct sampler {
	int fd;
	uint64_t id;
	enum fault_kind kind;
};

struct faults {
	pid_t pid;
	struct hands *hands; /* of perf_open() */
	bool children; /* processes that it makes from now on count too */
	bool from_proc;
	int error; /* -errno of the perf_event_open that was refused */
	int *counters; /* n_tasks pairs: minor, major */
	size_t n_tasks; /* 1 for a launched process, its threads for an adopted one */
	struct sampler *samplers;
	size_t n_samplers;
	int sampler_error; /* why faults can't be told apart by thread; 0 = they can */
	bool begun;
	struct fault_count base; /* at ready */
	struct thread_faults *threads; /* those that faulted since ready */
	size_t n_threads;
	uint64_t n_lost; /* records */
};

/** Attaches to a process between its birth and its execve: counting begins at execve. children: those
 *  that it will make count too. Never fails. */
void faults_attach_new(struct faults *f, const struct rings *rings, pid_t pid, bool children);
/** Attaches to every thread of a process that already runs. Never fails: falls back to /proc. */
void faults_attach_running(struct faults *f, const struct rings *rings, pid_t pid, bool children);
/** Takes over n_tasks pairs of counters that are attached already; samplers are new. */
void faults_attach_kept(struct faults *f, const struct rings *rings, pid_t pid, bool children,
	int *counters, size_t n_tasks);
void faults_done(struct faults *f);

/** The kernel takes counters off a process that execve()s a file it may not read. True where it can't be
 *  told. */
bool faults_detached(const struct faults *f);

/** Faults since attaching. 0 or -ESRCH, -EIO. */
int faults_read(const struct faults *f, struct fault_count *ret);
/** Ready: takes the baseline, switches sampling on. */
int faults_begin(struct faults *f);
/** It was ready before we came: what the source shows now is that many more than base; of threads, what
 *  was counted so far. Sampling is switched on. */
void faults_resume(struct faults *f, const struct fault_count *base,
	const struct thread_faults *threads, size_t n_threads);
/** Faults since ready. */
int faults_since_ready(const struct faults *f, struct fault_count *ret);

/** Adds a drained record, when it is of this process. */
bool faults_record(struct faults *f, const struct ring_record *record);
/** /proc source: reads the counts of each thread. perf: nothing to do. */
void faults_refresh_threads(struct faults *f);
/** Looks up names of threads that faulted and haven't got one yet. */
void faults_name_threads(struct faults *f);
/** The part of faults_resume() that is about threads. */
void threads_resume(struct faults *f, const struct thread_faults *threads, size_t n_threads);
const struct thread_faults *faults_find_thread(const struct faults *f, pid_t tid);

/** "3 in thread worker (tid 124), last at address 0x7f.., instruction 0x55..; 1 in ..." or "". */
const char *faults_describe(const struct faults *f, char *buf, size_t size);

#endif
