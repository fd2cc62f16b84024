/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One timer for all. Due times lie on multiples of the interval, so processes with the same interval are
 * read in one wake-up. A reading is two counters, one pread of a kept-open /proc/PID/status, and a
 * system call for each limit, scheduler and set of CPUs that the policy names: about 8 us. What nobody
 * judges, the file that is run, and the machine's settings are read every 10 s.
 */
#include "daemon/sample.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/react.h"
#include "daemon/relock.h"
#include "daemon/report.h"
#include "daemon/self.h"
#include "daemon/slow.h"
#include "daemon/witness.h"
#include "host/mapping.h"

#define SLOW_ROUND_USEC	 10000000u
#define REFRESH_MIN_USEC 100000u

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
static bool read_memory(struct process *p) {
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

static void on_record(const struct ring_record *record, void *userdata) {
	const struct manager *m = userdata;
	struct process *p;

	if (record->kind == RING_FORK || record->kind == RING_EXEC) {
		p = manager_find_pid(m, record->pid);
		if (p)
			witness_record(p, record);
		return;
	}
	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i]->run && faults_record(&m->processes[i]->run->faults, record))
			return;
}

/* Counters first, then the records: of each fault that is counted it's known whose it is. */
static void read_faults(struct process *p) {
	struct fault_count before = p->run->since_ready, *now = &p->run->since_ready;

	if (!p->run->ready || faults_since_ready(&p->run->faults, now) < 0)
		return;
	if (now->minor != before.minor || now->major != before.major)
		rings_drain(&p->manager->rings, on_record, p->manager);
}

void sample_process(struct process *p, bool thorough) {
	struct run *r = p->run;
	uint64_t now = process_now(p);

	r->section_due = false;
	r->memory_valid = read_memory(p);
	read_faults(p);
	if (now >= r->thorough_due_usec) {
		thorough = true;
		r->thorough_due_usec = now + SLOW_ROUND_USEC;
		slow_look(p);
	}
	if (thorough && r->ready)
		witness_look(p);
	read_effective(p, thorough);
	if (r->memory_valid)
		look_at_heap(r);
	look_at_lock(p);
}

void sample_now(struct process *p) {
	rings_drain(&p->manager->rings, on_record, p->manager);
	sample_process(p, true);
	react_judge(p);
}

static bool is_judged(const struct process *p) {
	return p->state == PROCESS_RUNNING && p->run && p->run->ready;
}

static uint64_t next_due(uint64_t now, uint64_t interval) {
	return (now / interval + 1) * interval;
}

static void sample_due(struct manager *m, uint64_t now) {
	for (size_t i = 0; i < m->n_processes; i++) {
		struct process *p = m->processes[i];

		if (!is_judged(p) || p->run->sample_due_usec > now)
			continue;
		p->run->sample_due_usec = next_due(now, p->policy->compliance.interval_usec);
		sample_process(p, false);
		react_judge(p);
	}
}

static void refresh_host(struct manager *m, uint64_t now) {
	m->host_due_usec = now + SLOW_ROUND_USEC;
	host_refresh(m, now);
}

void sample_refresh_host(struct manager *m) {
	uint64_t now = 0;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	refresh_host(m, now);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
	struct manager *m = userdata;
	uint64_t now = 0;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	m->tick_usec = 0;
	rings_drain(&m->rings, on_record, m);
	sample_due(m, now);
	if (now >= m->host_due_usec)
		refresh_host(m, now);
	sample_schedule(m);
	return 0;
}

void sample_schedule(struct manager *m) {
	uint64_t now = 0, earliest = m->host.n_items ? m->host_due_usec : USEC_INFINITY;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	for (size_t i = 0; i < m->n_processes; i++) {
		struct process *p = m->processes[i];

		if (!is_judged(p))
			continue;
		if (p->run->sample_due_usec == 0)
			p->run->sample_due_usec = next_due(
				now, p->policy->compliance.interval_usec);
		if (p->run->sample_due_usec < earliest)
			earliest = p->run->sample_due_usec;
	}
	if (earliest == 0) /* at once; as the timer's own time, 0 means that it isn't set */
		earliest = 1;
	if (earliest == m->tick_usec)
		return;
	m->tick_usec = earliest;
	if (earliest == USEC_INFINITY) {
		(void)sd_event_source_set_enabled(m->tick, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(m->tick, earliest);
	(void)sd_event_source_set_enabled(m->tick, SD_EVENT_ONESHOT);
}

void sample_refresh(struct manager *m, struct process *named) {
	uint64_t now = 0;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	if (m->refreshed_usec && now - m->refreshed_usec < REFRESH_MIN_USEC)
		return;
	m->refreshed_usec = now;
	rings_drain(&m->rings, on_record, m);
	refresh_host(m, now);
	slow_look_asked(m, named);
	for (size_t i = 0; i < m->n_processes; i++) {
		struct process *p = m->processes[i];

		if (!p->run)
			continue;
		sample_process(p, true);
		faults_refresh_threads(&p->run->faults);
		if (is_judged(p))
			react_judge(p);
	}
}

int sample_init(struct manager *m) {
	/* exact: due times coincide already, and a process is judged as often as its policy says */
	int r = sd_event_add_time(m->event, &m->tick, CLOCK_MONOTONIC, 0, 1000, on_tick, m);

	if (r < 0)
		return r;
	(void)sd_event_source_set_enabled(m->tick, SD_EVENT_OFF);
	return sd_event_source_set_description(m->tick, "rtmemd-sample-timer");
}
