/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RINGS_H
#define RTMEM_DAEMON_RINGS_H

/*
 * One perf ring per CPU for all managed processes: each fault of a process that is ready leaves a
 * record with thread, address and instruction, and so does each new process and each execve. Drained at every tick, never waited for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/confine/hands.h"

/* Of one ring, behind the page of its counters. 48 bytes per record: 5461 faults per CPU between two
 * ticks before records (never counts) are lost */
#define RING_BYTES (256u << 10)

/* sample_type of events whose records are calls; rings are for these or for faults, not for both */
#define RING_CALL_SAMPLE (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_RAW)
#define RING_RAW_MAX	 96

struct ring {
	int fd; /* a dummy event of this process on one CPU, which owns the buffer */
	int cpu;
	void *map;
};

struct rings {
	struct ring *items;
	size_t n_items;
	bool of_calls;
	int error; /* why there are none; 0 = usable */
	struct hands *hands; /* for events that aren't granted to the caller; NULL = none */
};

enum ring_kind {
	RING_FAULT,
	RING_LOST, /* records of this event were lost */
	RING_FORK, /* a process was made; threads aren't told */
	RING_EXEC, /* an execve */
	RING_CALL, /* a system call, of an event with RING_CALL_SAMPLE */
};

struct ring_record {
	enum ring_kind kind;
	uint64_t event_id; /* fault, lost: PERF_EVENT_IOC_ID of the sampling event */
	pid_t pid; /* fork: who made it */
	pid_t tid;
	pid_t child; /* fork */
	uint64_t instruction; /* fault */
	uint64_t address;
	uint64_t n_lost;
	size_t raw_size; /* call: what the tracepoint says, by its format */
	unsigned char raw[RING_RAW_MAX];
};

/** Never fails: `error` says why there are no rings. */
void rings_init(struct rings *r, bool of_calls, struct hands *hands);
void rings_done(struct rings *r);
void rings_drain(struct rings *r, void (*fn)(const struct ring_record *record, void *userdata),
	void *userdata);

/** perf_event_open(2), close-on-exec; descriptor or -errno. A kernel whose kernel.perf_event_paranoid is 3
 *  (Debian's) grants it to CAP_SYS_ADMIN alone: then the hands open it, if there are any. */
struct perf_event_attr;
int perf_open(struct hands *hands, struct perf_event_attr *attr, pid_t pid, int cpu);

#endif
