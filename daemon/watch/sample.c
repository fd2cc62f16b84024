/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One timer for all. Due times lie on multiples of the interval, so processes with the same interval are
 * read in one wake-up. What nobody judges, the file that is run, and the machine's settings are read every
 * 10 s. With many processes the full readings are rationed, and take turns: the others are light.
 */
#include "daemon/watch/sample.h"

#include "daemon/bus/pace.h"
#include "daemon/host/host.h"
#include "daemon/status/reading.h"
#include "daemon/survive/record.h"
#include "daemon/survive/records.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/slow.h"

#define SLOW_ROUND_USEC	     10000000u
#define REFRESH_MIN_USEC     100000u
#define REFRESH_THOROUGH_MAX 128u /* 30 us each */

void sample_process(struct process *p, bool thorough) {
	reading_take(p, thorough ? READING_THOROUGH : READING_FULL);
}

void sample_now(struct process *p) {
	records_drain(p->manager);
	sample_process(p, true);
	react_judge(p);
}

static bool is_judged(const struct process *p) {
	return p->state == PROCESS_RUNNING && p->run && p->run->ready;
}

static uint64_t next_due(uint64_t now, uint64_t interval) {
	return (now / interval + 1) * interval;
}

static void read_due(struct process *p, enum reading_depth depth, uint64_t now) {
	p->run->sample_due_usec = next_due(now, p->policy->compliance.interval_usec);
	reading_take(p, depth);
	record_follow(p, false);
	react_judge(p);
}

/* Begins behind the last one that had a full reading. Judging may take a process out of the table. */
static void sample_due(struct manager *m, uint64_t now) {
	size_t first = m->full_next;

	pace_earn(&m->full, now);
	for (size_t i = 0; i < m->n_processes; i++) {
		size_t at = (first + i) % m->n_processes;
		struct process *p = m->processes[at];
		bool full;

		if (!is_judged(p) || p->run->sample_due_usec > now)
			continue;
		full = pace_spend(&m->full);
		if (full)
			m->full_next = at + 1;
		read_due(p, full ? READING_FULL : READING_LIGHT, now);
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
	records_drain(m);
	sample_due(m, now);
	if (now >= m->host_due_usec)
		refresh_host(m, now);
	sample_schedule(m);
	return 0;
}

void sample_schedule(struct manager *m) {
	uint64_t now = 0, earliest = USEC_INFINITY;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	if (m->host.n_items > 0 || host_files_wanted(m))
		earliest = m->host_due_usec;
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

static bool is_recent(uint64_t then, uint64_t now) {
	return then && now - then < REFRESH_MIN_USEC;
}

static void refresh(struct process *p, bool thorough, uint64_t now) {
	if (!p->run || is_recent(p->run->refreshed_usec, now))
		return;
	p->run->refreshed_usec = now;
	if (thorough)
		slow_look_children(p);
	reading_take(p, thorough ? READING_THOROUGH : READING_LIGHT);
	faults_refresh_threads(&p->run->faults);
	if (is_judged(p))
		react_judge(p);
}

/* Thoroughly as many as one answer affords; they take turns, from question to question. */
static void refresh_all(struct manager *m, uint64_t now) {
	size_t first = m->refresh_next;

	for (size_t i = 0; i < m->n_processes; i++) {
		size_t at = (first + i) % m->n_processes;

		refresh(m->processes[at], i < REFRESH_THOROUGH_MAX, now);
	}
	m->refresh_next = first + REFRESH_THOROUGH_MAX;
}

void sample_refresh(struct manager *m, struct process *named) {
	uint64_t now = 0;
	bool recent;

	(void)sd_event_now(m->event, CLOCK_MONOTONIC, &now);
	recent = is_recent(m->refreshed_usec, now);
	if (recent && !named)
		return;
	if (!recent) {
		m->refreshed_usec = now;
		records_drain(m);
		refresh_host(m, now);
		if (named)
			slow_look_named(named);
		else
			slow_look_all(m);
	}
	if (named)
		refresh(named, true, now);
	else
		refresh_all(m, now);
}

int sample_init(struct manager *m) {
	/* exact: due times coincide already, and a process is judged as often as its policy says */
	int r = sd_event_add_time(m->event, &m->tick, CLOCK_MONOTONIC, 0, 1000, on_tick, m);

	if (r < 0)
		return r;
	(void)sd_event_source_set_enabled(m->tick, SD_EVENT_OFF);
	return sd_event_source_set_description(m->tick, "rtmemd-sample-timer");
}
