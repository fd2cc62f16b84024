/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd-bus dispatches one message in each round of the loop. What the thread's clock shows at the beginning of
 * the next round, before anything else, is what that one has cost.
 */
#include "daemon/bus/meter.h"

#include <time.h>

#define MESSAGE_USEC 100 /* for what isn't measured: receiving, sending, rounds of the loop */
#define FIRST	     (-100) /* priority: before all else */

static uint64_t now_usec(clockid_t clock) {
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static int on_next_round(sd_event_source *s, void *userdata) {
	struct meter *m = userdata;
	uint64_t used = now_usec(CLOCK_THREAD_CPUTIME_ID) - m->started_usec;

	budget_charge(
		budgets_find(&m->budgets, m->uid, now_usec(CLOCK_MONOTONIC)), used + MESSAGE_USEC);
	m->on_settled(m->userdata);
	return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
	struct meter *m = userdata;

	m->on_refill(m->userdata);
	return 0;
}

int meter_init(struct meter *m, sd_event *event, void (*on_settled)(void *userdata),
	void (*on_refill)(void *userdata), void *userdata) {
	int r;

	m->event = event;
	m->on_settled = on_settled;
	m->on_refill = on_refill;
	m->userdata = userdata;
	r = sd_event_add_defer(event, &m->settle, on_next_round, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->settle, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(m->settle, FIRST);
	if (r >= 0)
		r = sd_event_add_time(event, &m->refill, CLOCK_MONOTONIC, 0, 0, on_time, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->refill, SD_EVENT_OFF);
	return r < 0 ? r : sd_event_source_set_description(m->refill, "rtmemd-meter-refill");
}

void meter_done(struct meter *m) {
	m->settle = sd_event_source_disable_unref(m->settle);
	m->refill = sd_event_source_disable_unref(m->refill);
}

/* Whoever waits is asked again at the earliest time of all. */
static void arm(struct meter *m, uint64_t due_usec) {
	uint64_t set_usec;
	int enabled = SD_EVENT_OFF;

	if (sd_event_source_get_enabled(m->refill, &enabled) > 0 &&
		sd_event_source_get_time(m->refill, &set_usec) >= 0 && set_usec <= due_usec)
		return;
	(void)sd_event_source_set_time(m->refill, due_usec);
	(void)sd_event_source_set_enabled(m->refill, SD_EVENT_ONESHOT);
}

bool meter_admits(struct meter *m, uid_t uid) {
	uint64_t now = now_usec(CLOCK_MONOTONIC);
	uint64_t wait = budget_wait_usec(budgets_find(&m->budgets, uid, now));

	if (wait == 0)
		return true;
	arm(m, now + wait);
	return false;
}

void meter_begin(struct meter *m, uid_t uid) {
	m->uid = uid;
	m->started_usec = now_usec(CLOCK_THREAD_CPUTIME_ID);
	(void)sd_event_source_set_enabled(m->settle, SD_EVENT_ONESHOT);
}
