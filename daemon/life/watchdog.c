/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watchdog of a managed process, counted from ready. One timer, put off by each sign of life. Before
 * a program is condemned, what waits in the socket is read: a flood of other messages, or a daemon that was
 * stopped itself, must not cost a program its life that did say its word.
 */
#include "daemon/life/watchdog.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/units.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/watch/notify.h"

#define MIN_USEC      10000u /* a program that asks for less means a mistake */
#define MAX_USEC      (UINT64_C(3600) * 1000000)
#define ACCURACY_USEC 1000u
#define PRIORITY      (SD_EVENT_PRIORITY_NORMAL + 5) /* after the messages that are there */

uint64_t watchdog_bound(uint64_t usec) {
	return usec < MIN_USEC ? MIN_USEC : usec > MAX_USEC ? MAX_USEC : usec;
}

static uint64_t period_of(const struct process *p) {
	return p->run->watchdog_usec ? p->run->watchdog_usec : p->policy->watchdog_usec;
}

static bool is_stopping(const struct process *p) {
	return p->run->announced && strcmp(p->run->announced, "stopping") == 0;
}

static int on_missed(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;
	char text[UNITS_TEXT_MAX];
	uint64_t deadline;

	notify_drain(p->manager);
	if (!p->run || !p->run->watchdog_timer ||
		sd_event_source_get_time(p->run->watchdog_timer, &deadline) < 0)
		return 0;
	if (deadline > usec) /* it had said so */
		return 0;
	if (is_stopping(p))
		process_failure(p, "watchdog: it said STOPPING=1, and hasn't ended within %s",
			format_duration(p->policy->stop.timeout_usec, text));
	else
		process_failure(
			p, "watchdog: no WATCHDOG=1 for %s", format_duration(period_of(p), text));
	process_dispatch(p, EVENT_WATCHDOG);
	return 0;
}

static void put_off(struct process *p, uint64_t usec) {
	struct run *r = p->run;
	struct timespec now = { 0 };

	/* not the time when this iteration began: a long one would be counted against the program */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_event_source_set_time(r->watchdog_timer,
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + usec);
	(void)sd_event_source_set_enabled(r->watchdog_timer, SD_EVENT_ONESHOT);
}

void watchdog_begin(struct process *p) {
	struct run *r = p->run;
	int k;

	if (p->policy->watchdog_usec == 0 || r->watchdog_timer)
		return;
	k = sd_event_add_time_relative(p->manager->event, &r->watchdog_timer, CLOCK_MONOTONIC,
		period_of(p), ACCURACY_USEC, on_missed, p);
	if (k < 0) {
		run_note(r, "watchdog", "no timer for it: %s", strerror(-k));
		return;
	}
	(void)sd_event_source_set_priority(r->watchdog_timer, PRIORITY);
	(void)sd_event_source_set_description(r->watchdog_timer, "rtmemd-watchdog");
}

void watchdog_alive(struct process *p) {
	struct run *r = p->run;

	if (r->watchdog_timer && !r->terminated && !is_stopping(p))
		put_off(p, period_of(p));
}

void watchdog_set(struct process *p, uint64_t usec) {
	if (p->policy->watchdog_usec == 0)
		return;
	p->run->watchdog_usec = watchdog_bound(usec);
	watchdog_alive(p);
}

void watchdog_trigger(struct process *p) {
	if (p->policy->watchdog_usec == 0 || p->run->terminated)
		return;
	process_failure(p, "watchdog: the program triggered it");
	process_dispatch(p, EVENT_WATCHDOG);
}

void watchdog_stopping(struct process *p) {
	if (p->run->watchdog_timer && !p->run->terminated)
		put_off(p, p->policy->stop.timeout_usec);
}
