/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A launch that the kernel would refuse is refused here, before a process exists, in a sentence that
 * names the way out. The rules are those of the kernel:
 *  - a hard limit is raised only under CAP_SYS_RESOURCE; a lower one is always granted;
 *  - memlock doesn't bind a holder of CAP_IPC_LOCK, nor rtprio and nice a holder of CAP_SYS_NICE;
 *  - a real-time priority takes CAP_SYS_NICE or a soft rtprio limit at least as high;
 *  - an ambient capability must be the launcher's own, and within its bounding set.
 */
#include "libpolicy/rights.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/capability.h"

static bool has(uint64_t mask, int capability) {
	return mask & CAPABILITY_BIT(capability);
}

int launch_refuse(
	struct launch_problem *problem, int error, const char *key, const char *format, ...) {
	va_list args;

	problem->key = key;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return error;
}

uint64_t rights_of_program(const struct process_policy *p, const struct launch_facts *f) {
	if (f->target_known && f->target.gains_rights) /* execve() clears the ambient set then */
		return f->target.capabilities & f->capabilities_bounding;
	if (f->uid == 0)
		return f->capabilities_effective & f->capabilities_bounding;
	if (p->capabilities_set)
		return p->capabilities;
	/* a change away from root clears the ambient set; without a change it's kept */
	return f->uid == f->launcher_uid ? f->capabilities_ambient : 0;
}

const char *rights_way_to_ipc_lock(const struct launch_facts *f) {
	if (f->target_known && f->target.gains_rights)
		return "let its file carry cap_ipc_lock, too (setcap): what `capabilities` gives is "
		       "lost to a program that gains rights from its file";
	return "give the program `capabilities: [ipc_lock]`";
}

bool rights_allow_limit(const struct launch_facts *f, int resource, uint64_t value) {
	if (has(f->capabilities_effective, CAP_SYS_RESOURCE))
		return true;
	return value <= f->limits[resource].rlim_max;
}

int rights_capability_over_limit(int resource) {
	switch (resource) {
	case RLIMIT_MEMLOCK:
		return CAP_IPC_LOCK;
	case RLIMIT_RTPRIO:
	case RLIMIT_NICE:
		return CAP_SYS_NICE;
	default:
		return -1;
	}
}

static bool counts_bytes(int resource) {
	switch (resource) {
	case RLIMIT_AS:
	case RLIMIT_CORE:
	case RLIMIT_DATA:
	case RLIMIT_FSIZE:
	case RLIMIT_MEMLOCK:
	case RLIMIT_MSGQUEUE:
	case RLIMIT_RSS:
	case RLIMIT_STACK:
		return true;
	default:
		return false;
	}
}

const char *limit_format(int resource, uint64_t value, char buf[static UNITS_TEXT_MAX]) {
	if (value == BYTES_UNLIMITED || counts_bytes(resource))
		return format_size(value, buf);
	snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64, value);
	return buf;
}

/* Keys of the policy by resource, as far as limits are refused by them. */
static const char *limit_key(int resource) {
	static const char *const keys[RLIM_NLIMITS] = {
		[RLIMIT_AS] = "limits.as",
		[RLIMIT_CORE] = "limits.core",
		[RLIMIT_CPU] = "limits.cpu",
		[RLIMIT_DATA] = "limits.data",
		[RLIMIT_FSIZE] = "limits.fsize",
		[RLIMIT_LOCKS] = "limits.locks",
		[RLIMIT_MEMLOCK] = "limits.memlock",
		[RLIMIT_MSGQUEUE] = "limits.msgqueue",
		[RLIMIT_NICE] = "limits.nice",
		[RLIMIT_NOFILE] = "limits.nofile",
		[RLIMIT_NPROC] = "limits.nproc",
		[RLIMIT_RSS] = "limits.rss",
		[RLIMIT_RTPRIO] = "limits.rtprio",
		[RLIMIT_RTTIME] = "limits.rttime",
		[RLIMIT_SIGPENDING] = "limits.sigpending",
		[RLIMIT_STACK] = "limits.stack",
	};

	return keys[resource];
}

static int check_limit(const struct process_policy *p, const struct launch_facts *f, int resource,
	struct launch_problem *problem) {
	int over = rights_capability_over_limit(resource);
	uint64_t value = p->limits[resource].value;
	char wanted[UNITS_TEXT_MAX], hard[UNITS_TEXT_MAX], way_out[96] = "";

	if (!p->limits[resource].set || rights_allow_limit(f, resource, value))
		return 0;
	if (over >= 0 && has(rights_of_program(p, f), over))
		return 0;
	if (over >= 0 && !(f->target_known && f->target.gains_rights))
		snprintf(way_out, sizeof(way_out),
			", or `capabilities: [%s]`, under which it doesn't bind",
			capability_to_string(over));
	return launch_refuse(problem, -EPERM, limit_key(resource),
		"it can't be raised to %s: the hard limit here is %s and going above it needs "
		"CAP_SYS_RESOURCE; raise the launcher's hard limit (Limit...= in its unit, "
		"/etc/security/limits.d, --ulimit of a container), or ask for at most %s%s",
		limit_format(resource, value, wanted),
		limit_format(resource, f->limits[resource].rlim_max, hard), hard, way_out);
}

static int check_limits(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		int r = check_limit(p, f, i, problem);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_oom_score(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	if (!p->oom_score_adjust_set || p->oom_score_adjust >= f->oom_score_adjust ||
		has(f->capabilities_effective, CAP_SYS_RESOURCE))
		return 0;
	return launch_refuse(problem, -EPERM, "oom_score_adjust",
		"lowering the OOM score from %d to %d needs CAP_SYS_RESOURCE, which the launcher "
		"doesn't have; leave the key out, or give the launcher the capability",
		f->oom_score_adjust, p->oom_score_adjust);
}

/* The soft limit that will be in force when the scheduler is set: limits come first in a plan. */
static uint64_t limit_in_force(
	const struct process_policy *p, const struct launch_facts *f, int resource) {
	const struct limit *limit = &p->limits[resource];

	if (limit->set && rights_allow_limit(f, resource, limit->value))
		return limit->value;
	return f->limits[resource].rlim_cur;
}

static int check_scheduling(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	const struct scheduling_policy *s = &p->scheduling;
	uint64_t rtprio = limit_in_force(p, f, RLIMIT_RTPRIO);
	uint64_t nice = limit_in_force(p, f, RLIMIT_NICE);

	if (has(f->capabilities_effective, CAP_SYS_NICE))
		return 0;
	if ((s->policy == SCHED_FIFO || s->policy == SCHED_RR) && rtprio < (uint64_t)s->priority)
		return launch_refuse(problem, -EPERM, "scheduling.policy",
			"%s with priority %d needs CAP_SYS_NICE or an rtprio limit of at least %d "
			"(here it is %" PRIu64 "); start as root, or raise the limit: LimitRTPRIO= "
			"of the unit, or `rtprio %d` in /etc/security/limits.d",
			scheduler_to_string(s->policy), s->priority, s->priority, rtprio,
			s->priority);
	if (s->nice_set && s->nice < 0 && nice < (uint64_t)(20 - s->nice))
		return launch_refuse(problem, -EPERM, "scheduling.nice",
			"nice %d needs CAP_SYS_NICE or a nice limit of at least %d (here it is "
			"%" PRIu64 "); start as root, or raise the limit: LimitNICE= of the unit, "
			"or `nice %d` in /etc/security/limits.d",
			s->nice, 20 - s->nice, nice, s->nice);
	return 0;
}

static int check_user(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	bool groups = f->gid != f->launcher_gid || p->groups;

	if (f->uid != f->launcher_uid && !has(f->capabilities_effective, CAP_SETUID))
		return launch_refuse(problem, -EPERM, "user",
			"running as user %s needs CAP_SETUID, which the launcher doesn't have; "
			"start as root or as that user",
			p->user ? p->user : "0");
	if (groups && !has(f->capabilities_effective, CAP_SETGID))
		return launch_refuse(problem, -EPERM, p->groups ? "groups" : "group",
			"setting groups needs CAP_SETGID, which the launcher doesn't have; start "
			"as root, or leave `group` and `groups` out");
	return 0;
}

static int check_capabilities(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	uint64_t wanted = p->capabilities_set ? p->capabilities : 0;
	uint64_t unbounded = wanted & ~f->capabilities_bounding;
	uint64_t missing = wanted & ~f->capabilities_effective;
	char names[CAPABILITY_LIST_TEXT_MAX];

	if (unbounded)
		return launch_refuse(problem, -EPERM, "capabilities",
			"%s: not in the bounding set, so that no process here can have it; add it "
			"to CapabilityBoundingSet= of the unit, or to the container (--cap-add)",
			capabilities_format(unbounded, names));
	if (missing)
		return launch_refuse(problem, -EPERM, "capabilities",
			"%s: the launcher doesn't hold it and can't give it away; start as root, "
			"or give the launcher AmbientCapabilities= in its unit",
			capabilities_format(missing, names));
	return 0;
}

int rights_check(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem) {
	static int (*const checks[])(const struct process_policy *, const struct launch_facts *,
		struct launch_problem *) = {
		check_limits,
		check_oom_score,
		check_scheduling,
		check_user,
		check_capabilities,
	};

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		int r = checks[i](p, f, problem);

		if (r < 0)
			return r;
	}
	return 0;
}
