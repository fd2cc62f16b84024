/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One timer for all. Due times lie on multiples of the interval, so processes with the same interval are
 * read in one wake-up. A reading is two counters and one pread of a kept-open /proc/PID/status: about
 * 6 us. What changes rarely (limits, scheduler, CPUs, the machine's settings) is read every 10 s, by
 * system calls that ask the kernel for just that.
 */
#include "daemon/sample.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "common/units.h"
#include "daemon/log.h"
#include "daemon/react.h"
#include "daemon/self.h"
#include "host/settings.h"

#define SLOW_ROUND_USEC	 10000000u
#define REFRESH_MIN_USEC 100000u

static void read_limits(struct run *r) {
	struct effective *e = &r->effective;

	e->limits_valid = true;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (prlimit(r->pid, (enum __rlimit_resource)i, NULL, &e->limits[i]) < 0) {
			/* another user's, without CAP_SYS_RESOURCE */
			e->limits_valid = process_limits_read(r->pid, e->limits) == 0;
			return;
		}
}

static void read_scheduler(struct run *r) {
	struct effective *e = &r->effective;
	struct sched_param param;
	cpu_set_t cpus;

	e->policy = sched_getscheduler(r->pid);
	e->scheduler_valid = e->policy >= 0 && sched_getparam(r->pid, &param) == 0;
	if (e->scheduler_valid) {
		e->policy &= ~SCHED_RESET_ON_FORK;
		e->priority = param.sched_priority;
		errno = 0;
		e->nice = getpriority(PRIO_PROCESS, (id_t)r->pid);
		e->scheduler_valid = errno == 0;
	}
	e->cpus_valid = sched_getaffinity(r->pid, sizeof(cpus), &cpus) == 0;
	memset(e->cpus, 0, sizeof(e->cpus));
	_Static_assert(CPU_LIST_MAX <= CPU_SETSIZE, "a policy names no CPU beyond cpu_set_t");
	for (size_t cpu = 0; e->cpus_valid && cpu < CPU_LIST_MAX; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			e->cpus[cpu / 64] |= 1ull << cpu % 64;
}

static void read_effective(struct run *r) {
	read_limits(r);
	read_scheduler(r);
	r->effective_valid = true;
}

void sample_process(struct process *p, bool thorough) {
	struct run *r = p->run;
	uint64_t now = process_now(p);

	r->memory_valid = process_memory_read(r->status_fd, &r->memory) == 0;
	if (r->ready)
		(void)faults_since_ready(&r->faults, &r->since_ready);
	if (thorough || now >= r->effective_due_usec) {
		read_effective(r);
		r->effective_due_usec = now + SLOW_ROUND_USEC;
	}
}

static void on_record(const struct fault_record *record, void *userdata) {
	const struct manager *m = userdata;

	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i]->run && faults_record(&m->processes[i]->run->faults, record))
			return;
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
	_cleanup_settings_ struct settings host = { .n_items = 0 };

	m->host_due_usec = now + SLOW_ROUND_USEC;
	if (m->host.n_items == 0 ||
		settings_diff(m->set, m->options->root, m->options->state_dir, &host) < 0)
		return;
	react_host(m, &host);
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

void sample_refresh(struct manager *m) {
	uint64_t now = 0;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	if (m->refreshed_usec && now - m->refreshed_usec < REFRESH_MIN_USEC)
		return;
	m->refreshed_usec = now;
	rings_drain(&m->rings, on_record, m);
	refresh_host(m, now);
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
