/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of the judgement about what the kernel enforces: limits, scheduler, CPUs. A limit that
 * couldn't be raised but that a capability of the program makes void is a note, never a finding.
 */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "common/plan.h"
#include "common/units.h"
#include "daemon/verdict/verdict.h"

struct voiding {
	int capability;
	const char *name;
	const char *effect;
};

/* Limits that don't bind a process with the capability */
static const struct voiding voiding_table[RLIM_NLIMITS] = {
	[RLIMIT_MEMLOCK] = { CAP_IPC_LOCK, "CAP_IPC_LOCK", "any amount may be locked" },
	[RLIMIT_RTPRIO] = { CAP_SYS_NICE, "CAP_SYS_NICE", "any priority may be set" },
	[RLIMIT_NICE] = { CAP_SYS_NICE, "CAP_SYS_NICE", "any nice value may be set" },
};

static bool is_void(int resource, const struct evidence *e) {
	const struct voiding *v = &voiding_table[resource];

	return v->name && e->memory && (e->memory->capabilities_effective >> v->capability & 1);
}

static const char *limit_text(int resource, uint64_t value, char buf[static UNITS_TEXT_MAX]) {
	static const bool is_size[RLIM_NLIMITS] = {
		[RLIMIT_AS] = true,
		[RLIMIT_CORE] = true,
		[RLIMIT_DATA] = true,
		[RLIMIT_FSIZE] = true,
		[RLIMIT_MEMLOCK] = true,
		[RLIMIT_MSGQUEUE] = true,
		[RLIMIT_RSS] = true,
		[RLIMIT_STACK] = true,
	};

	if (value == BYTES_UNLIMITED || is_size[resource])
		return format_size(value, buf);
	snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64, value);
	return buf;
}

static uint64_t from_rlim(rlim_t value) {
	return value == RLIM_INFINITY ? BYTES_UNLIMITED : (uint64_t)value;
}

static void judge_limit(
	int resource, uint64_t wanted, const struct evidence *e, struct findings *ret) {
	const struct rlimit *l = &e->effective->limits[resource];
	uint64_t soft = from_rlim(l->rlim_cur), hard = from_rlim(l->rlim_max);
	char rule[40], text[3][UNITS_TEXT_MAX], seen[112];

	if (soft == wanted && hard == wanted)
		return;
	snprintf(rule, sizeof(rule), "limits.%s", rlimit_to_string(resource));
	if (is_void(resource, e)) {
		findings_note(ret, rule,
			"the limit is %s instead of %s, but doesn't bind: the program holds %s, with "
			"which %s",
			limit_text(resource, soft, text[0]), limit_text(resource, wanted, text[1]),
			voiding_table[resource].name, voiding_table[resource].effect);
		return;
	}
	snprintf(seen, sizeof(seen), "soft %s, hard %s", limit_text(resource, soft, text[0]),
		limit_text(resource, hard, text[1]));
	findings_add(ret, rule, limit_text(resource, wanted, text[2]), seen,
		"the limit was changed after the launch, or couldn't be raised");
}

static void judge_limits(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (p->limits[i].set && rlimit_to_string(i))
			judge_limit(i, p->limits[i].value, e, ret);
}

/* memlock isn't in the policy: the launch raised it where it could; what still binds is worth a word */
static void note_memlock(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	uint64_t soft = from_rlim(e->effective->limits[RLIMIT_MEMLOCK].rlim_cur);
	char text[UNITS_TEXT_MAX];

	if (p->limits[RLIMIT_MEMLOCK].set || p->memory.lock == LOCK_NONE ||
		soft == BYTES_UNLIMITED || is_void(RLIMIT_MEMLOCK, e))
		return;
	findings_note(ret, "limits.memlock",
		"no more than %s can be locked; raise it with limits.memlock, or give the program "
		"the capability ipc_lock (where its file carries capabilities, there)",
		format_size(soft, text));
}

static void judge_scheduler(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	static const char cause[] = "the program changed it after the launch";
	const struct effective *now = e->effective;
	const struct scheduling_policy *s = &p->scheduling;
	char wanted[UNITS_TEXT_MAX], seen[UNITS_TEXT_MAX];

	if (s->policy >= 0 && s->policy != now->policy) {
		const char *name = scheduler_to_string(now->policy);

		findings_add(ret, "scheduling.policy", scheduler_to_string(s->policy),
			name ? name : "unknown", cause);
	} else if (s->priority > 0 && s->priority != now->priority) {
		snprintf(wanted, sizeof(wanted), "%d", s->priority);
		snprintf(seen, sizeof(seen), "%d", now->priority);
		findings_add(ret, "scheduling.priority", wanted, seen, cause);
	}
	if (s->nice_set && s->nice != now->nice) {
		snprintf(wanted, sizeof(wanted), "%d", s->nice);
		snprintf(seen, sizeof(seen), "%d", now->nice);
		findings_add(ret, "scheduling.nice", wanted, seen, cause);
	}
}

static void judge_cpus(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	char wanted[CPU_LIST_TEXT_MAX], seen[CPU_LIST_TEXT_MAX];

	if (!p->scheduling.cpus_set ||
		memcmp(p->scheduling.cpus, e->effective->cpus, sizeof(e->effective->cpus)) == 0)
		return;
	findings_add(ret, "scheduling.cpus", format_cpu_list(p->scheduling.cpus, wanted),
		format_cpu_list(e->effective->cpus, seen),
		"the program or a cpuset changed the CPUs of the main thread");
}

void verdict_effective(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	if (!e->effective)
		return;
	if (e->effective->limits_valid) {
		judge_limits(p, e, ret);
		note_memlock(p, e, ret);
	}
	if (e->effective->scheduler_valid)
		judge_scheduler(p, e, ret);
	if (e->effective->cpus_valid)
		judge_cpus(p, e, ret);
}
