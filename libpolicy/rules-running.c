/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules about scheduling, the OOM killer, readiness and restarts. */
#include "libpolicy/rules.h"

#include <inttypes.h>

#include "common/plan.h"

/* ---- scheduling -------------------------------------------------------------------------------- */

bool rule_priority_without_realtime(struct subject *s) {
	const struct scheduling_policy *c = &s->p->scheduling;

	if (c->priority == 0 || is_realtime(s->p))
		return false;
	return rule_say(s,
		"scheduling.priority needs a real-time scheduler; allowed: policy fifo or "
		"rr, or no priority");
}

bool rule_realtime_without_priority(struct subject *s) {
	if (!is_realtime(s->p) || s->p->scheduling.priority > 0)
		return false;
	return rule_say(s,
		"scheduling.policy is %s, but scheduling.priority is missing; allowed: 1 to "
		"99",
		s->p->scheduling.policy == SCHED_FIFO ? "fifo" : "rr");
}

bool rule_priority_exceeds_rtprio(struct subject *s) {
	const struct limit *l = &s->p->limits[RLIMIT_RTPRIO];
	int priority = s->p->scheduling.priority;

	if (!is_finite(l) || (uint64_t)priority <= l->value || !is_realtime(s->p) || !s->p->user ||
		holds(s->p, CAP_SYS_NICE))
		return false;
	rule_advise(s, "raise limits.rtprio, or give the program the capability sys_nice");
	return rule_say(s,
		"scheduling.priority is %d; allowed: at most limits.rtprio, which is %" PRIu64
		", without the capability sys_nice",
		priority, l->value);
}

bool rule_nice_with_realtime(struct subject *s) {
	if (!s->p->scheduling.nice_set || !is_realtime(s->p))
		return false;
	return rule_say(s, "scheduling.nice has no effect beside a real-time scheduler");
}

bool rule_oom_with_limit(struct subject *s) {
	static const int memory_limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_RSS };

	if (!s->p->oom_score_adjust_set || s->p->oom_score_adjust != -1000)
		return false;
	if (s->p->cgroup.memory_max_bytes > 0) {
		rule_advise(s, "-999 protects as well, but leaves the kernel a way out");
		return rule_say(s,
			"oom_score_adjust is -1000 beside cgroup.memory_max: at the bound the kernel finds "
			"nobody that it may kill, and the program hangs; allowed: -999 to 1000, or no bound");
	}
	for (size_t i = 0; i < ARRAY_LEN(memory_limits); i++)
		if (is_finite(&s->p->limits[memory_limits[i]])) {
			rule_advise(s, "-999 protects as well, but leaves the kernel a way out");
			return rule_say(s,
				"oom_score_adjust is -1000 beside a memory limit (limits.%s); "
				"allowed: -999 to 1000, or no such limit",
				rlimit_to_string(memory_limits[i]));
		}
	return false;
}

/* ---- readiness and restarts -------------------------------------------------------------------- */

/* A profile may bring `settle` along for those that settle; an own `settle` without it is a slip. */
bool rule_settle_unused(struct subject *s) {
	const struct node *n;
	size_t settle = layers_find(s->layers, "ready.settle", &n);
	size_t when = layers_find(s->layers, "ready.when", &n);

	if (s->p->ready.when == READY_SETTLE || settle == 0 || settle < when)
		return false;
	return rule_say(s, "ready.settle has no meaning with ready.when: %s; allowed: when: settle",
		ready_when_to_string(s->p->ready.when));
}

bool rule_settle_exceeds_timeout(struct subject *s) {
	const struct ready_policy *r = &s->p->ready;
	char settle[UNITS_TEXT_MAX], timeout[UNITS_TEXT_MAX];

	if (r->when != READY_SETTLE || r->settle_usec < r->timeout_usec)
		return false;
	return rule_say(s,
		"ready.timeout is %s, but the program must be quiet for %s (ready.settle) before it; "
		"allowed: a longer timeout",
		format_duration(r->timeout_usec, timeout), format_duration(r->settle_usec, settle));
}

/* The pauses before all restarts that the limit allows; they grow. */
static uint64_t sum_of_delays(const struct restart_policy *r) {
	uint64_t sum = 0;

	for (uint32_t n = 1; n <= r->limit && sum < r->window_usec; n++)
		sum += restart_policy_delay(r, n);
	return sum;
}

bool rule_restart_limit_unreachable(struct subject *s) {
	const struct restart_policy *r = &s->p->restart;
	char delay[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX], window[UNITS_TEXT_MAX];
	uint64_t last = restart_policy_delay(r, r->limit);

	if (r->when == RESTART_NO || r->limit == 0 || sum_of_delays(r) < r->window_usec)
		return false;
	rule_advise(s, "a longer window, a shorter delay or delay_max, or a lower limit");
	return rule_say(s,
		"%u restarts with delays of %s%s%s don't fit into a window of %s, so that "
		"restart.limit is never reached",
		r->limit, format_duration(r->delay_usec, delay), last > r->delay_usec ? " to " : "",
		last > r->delay_usec ? format_duration(last, most) : "",
		format_duration(r->window_usec, window));
}
