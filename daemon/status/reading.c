/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One reading of one process. It costs two counters, one pread of a kept-open file of /proc, and a system
 * call for each limit, scheduler and set of CPUs that the policy names. Two thirds of that would be
 * /proc/PID/status, so a light reading takes statm, and status only if statm isn't what it was: whatever
 * is mapped, unmapped, populated or swapped out shows there. A lock that is taken off without any of it
 * waits for the next full reading.
 */
#include "daemon/status/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/survive/records.h"
#include "daemon/watch/relock.h"
#include "daemon/watch/report.h"
#include "daemon/watch/slow.h"
#include "daemon/watch/witness.h"
#include "host/mapping.h"

#define SLOW_ROUND_USEC 10000000u

#define UNMAPPING_PAUSE_NSEC 50000 /* doubled from reading to reading: 25 ms in all */
#define UNMAPPING_READINGS   9

/* A limit that nobody judges is of interest to who asks for the status, at most. */
static bool is_judged_limit(const struct process_policy *policy, int resource) {
	return policy->limits[resource].set;
}

static void read_limits(struct process *p, bool thorough) {
	struct run *r = p->run;
	struct effective *e = &r->effective;

	e->limits_valid = true;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if ((thorough || is_judged_limit(p->policy, i)) &&
			prlimit(r->pid, (enum __rlimit_resource)i, NULL, &e->limits[i]) < 0) {
			/* another user's, without CAP_SYS_RESOURCE */
			e->limits_valid = process_limits_read(r->pid, e->limits) == 0;
			return;
		}
}

static void read_scheduler(struct run *r, bool nice) {
	struct effective *e = &r->effective;
	struct sched_param param;

	e->policy = sched_getscheduler(r->pid);
	e->scheduler_valid = e->policy >= 0 && sched_getparam(r->pid, &param) == 0;
	if (e->scheduler_valid) {
		e->policy &= ~SCHED_RESET_ON_FORK;
		e->priority = param.sched_priority;
	}
	if (e->scheduler_valid && nice) {
		errno = 0;
		e->nice = getpriority(PRIO_PROCESS, (id_t)r->pid);
		e->scheduler_valid = errno == 0;
	}
}

static void read_cpus(struct run *r) {
	struct effective *e = &r->effective;
	cpu_set_t cpus;

	e->cpus_valid = sched_getaffinity(r->pid, sizeof(cpus), &cpus) == 0;
	memset(e->cpus, 0, sizeof(e->cpus));
	_Static_assert(CPU_LIST_MAX <= CPU_SETSIZE, "a policy names no CPU beyond cpu_set_t");
	for (size_t cpu = 0; e->cpus_valid && cpu < CPU_LIST_MAX; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			e->cpus[cpu / 64] |= 1ull << cpu % 64;
}

static void read_effective(struct process *p, bool thorough) {
	const struct scheduling_policy *s = &p->policy->scheduling;

	read_limits(p, thorough);
	if (thorough || s->policy >= 0 || s->nice_set)
		read_scheduler(p->run, thorough || s->nice_set);
	if (thorough || s->cpus_set)
		read_cpus(p->run);
	p->run->effective_valid = true;
}

/* Only what got smaller can have lost its heap: then it's worth a question. */
static void look_at_heap(struct run *r) {
	bool smaller = r->size_bytes == 0 || r->memory.size_bytes < r->size_bytes ||
		r->heap_missing_bytes > 0;
	_cleanup_close_ int maps = -1;
	struct mapping heap;

	r->size_bytes = r->memory.size_bytes;
	if (!smaller || !r->report || r->report->heap_end <= r->report->heap_start)
		return;
	maps = mapping_open(r->pid);
	if (maps < 0)
		return;
	r->heap_missing_bytes = 0;
	if (mapping_find(maps, r->report->heap_end - 1, &heap) != -ENOENT)
		return;
	r->heap_missing_bytes = r->report->heap_end - r->report->heap_start;
	if (mapping_find(maps, r->report->heap_start, &heap) == 0 && heap.end < r->report->heap_end)
		r->heap_missing_bytes = r->report->heap_end - heap.end;
}

/* balanced: what came late gets locked */
static void look_at_lock(struct process *p) {
	struct run *r = p->run;
	uint64_t now = process_now(p), lost;
	char size[UNITS_TEXT_MAX], text[EVENT_TEXT_MAX];

	if (!r->ready || !r->memory_valid)
		return;
	relock_seen(&r->relock, &r->memory);
	if (!relock_is_due(&r->relock, &r->memory, now))
		return;
	lost = relock_lost(&r->relock, &r->memory);
	if (lost > 0) {
		snprintf(text, sizeof(text),
			"%s that had been locked wasn't any more, and the lock was made again",
			format_size_rounded(lost, size));
		events_add(&r->events, "unlocked", "", true, 1, text);
	}
	relock_asked(&r->relock, now);
	if (report_send_byte(p, HANDOFF_LOCK) < 0)
		r->relock.possible = false;
}

/*
 * The kernel counts memory that is being unmapped out of VmLck first, and out of VmSize once its pages are
 * gone: a reading in between shows memory that isn't locked. Only what stays so is believed, where a lock
 * is for all that is mapped.
 */
static bool read_status(struct process *p) {
	struct run *r = p->run;
	struct timespec pause = { .tv_nsec = UNMAPPING_PAUSE_NSEC };
	bool doubtful = r->report &&
		(p->policy->memory.lock == LOCK_STRICT || p->policy->memory.lock == LOCK_ONFAULT);
	struct process_memory again;
	uint64_t normal = r->unlocked_bytes;

	if (doubtful && r->report->unlocked_bytes > normal &&
		r->report->unlocked_bytes <= UNLOCKABLE_BYTES_MAX)
		normal = r->report->unlocked_bytes;
	if (process_memory_read(r->status_fd, &r->memory) < 0)
		return false;
	for (int i = 0; doubtful && i < UNMAPPING_READINGS; i++) {
		if (relock_unlocked(&r->memory) <= normal)
			break;
		(void)nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
		if (process_memory_read(r->status_fd, &again) == 0 &&
			relock_unlocked(&again) < relock_unlocked(&r->memory))
			r->memory = again;
	}
	r->unlocked_bytes = relock_unlocked(&r->memory);
	return true;
}

static int open_statm(pid_t pid) {
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Nothing has moved since statm was read last, and what was read of status then is still good. */
static bool is_still(struct run *r) {
	struct process_size now;

	if (process_size_read(r->statm_fd, &now) < 0)
		return false;
	if (r->memory_valid && memcmp(&now, &r->statm, sizeof(now)) == 0)
		return true;
	r->statm = now;
	return false;
}

/* Where all readings are full nobody needs statm, nor a descriptor for it. */
static bool read_memory(struct process *p, enum reading_depth depth) {
	struct run *r = p->run;
	bool still = false;

	if (depth == READING_LIGHT && r->statm_fd < 0)
		r->statm_fd = open_statm(r->pid);
	if (r->statm_fd >= 0)
		still = is_still(r);
	return (depth == READING_LIGHT && still) || read_status(p);
}

/* Counters first, then the records: of each fault that is counted it's known whose it is. */
static void read_faults(struct process *p) {
	struct fault_count before = p->run->since_ready, *now = &p->run->since_ready;

	if (!p->run->ready || faults_since_ready(&p->run->faults, now) < 0)
		return;
	if (now->minor != before.minor || now->major != before.major)
		records_drain(p->manager);
}

void reading_take(struct process *p, enum reading_depth depth) {
	struct run *r = p->run;
	uint64_t now = process_now(p);

	r->section_due = false;
	r->memory_valid = read_memory(p, depth);
	read_faults(p);
	if (now >= r->thorough_due_usec) {
		depth = READING_THOROUGH;
		r->thorough_due_usec = now + SLOW_ROUND_USEC;
		slow_look(p);
	}
	if (depth == READING_THOROUGH && r->ready) {
		witness_look(p);
		record_follow(p, true);
	}
	read_effective(p, depth == READING_THOROUGH);
	if (r->memory_valid)
		look_at_heap(r);
	look_at_lock(p);
	seal_sample(p);
}
