/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/capability.h"
#include "common/units.h"

static const char *const kind_names[STEP_KIND_MAX] = {
	[STEP_RLIMIT] = "rlimit",
	[STEP_OOM_SCORE] = "oom-score",
	[STEP_THP_DISABLE] = "thp-disable",
	[STEP_CGROUP] = "cgroup",
	[STEP_AFFINITY] = "affinity",
	[STEP_SCHEDULER] = "scheduler",
	[STEP_NICE] = "nice",
	[STEP_GROUPS] = "groups",
	[STEP_USER] = "user",
	[STEP_CAPABILITIES] = "capabilities",
	[STEP_DIRECTORY] = "directory",
	[STEP_ENV_CLEAR] = "env-clear",
	[STEP_ENV_SET] = "env-set",
	[STEP_ENV_UNSET] = "env-unset",
	[STEP_ENV_MERGE] = "env-merge",
	[STEP_TUNABLE] = "tunable",
	[STEP_PRELOAD] = "preload",
	[STEP_INIT] = "init",
	[STEP_ARGUMENT] = "argument",
	[STEP_EXEC] = "exec",
	[STEP_OUTPUT] = "output",
	[STEP_UMASK] = "umask",
	[STEP_TRACE] = "trace",
};

static const char *const rlimit_names[RLIM_NLIMITS] = {
	[RLIMIT_AS] = "as",
	[RLIMIT_CORE] = "core",
	[RLIMIT_CPU] = "cpu",
	[RLIMIT_DATA] = "data",
	[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_LOCKS] = "locks",
	[RLIMIT_MEMLOCK] = "memlock",
	[RLIMIT_MSGQUEUE] = "msgqueue",
	[RLIMIT_NICE] = "nice",
	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_NPROC] = "nproc",
	[RLIMIT_RSS] = "rss",
	[RLIMIT_RTPRIO] = "rtprio",
	[RLIMIT_RTTIME] = "rttime",
	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_STACK] = "stack",
};

static int index_of(const char *const *names, int n, const char *name) {
	for (int i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

const char *step_kind_to_string(enum step_kind kind) {
	return kind >= 0 && kind < STEP_KIND_MAX ? kind_names[kind] : NULL;
}

int step_kind_from_string(const char *name) {
	return index_of(kind_names, STEP_KIND_MAX, name);
}

int rlimit_from_string(const char *name) {
	return index_of(rlimit_names, RLIM_NLIMITS, name);
}

const char *rlimit_to_string(int resource) {
	return resource >= 0 && resource < (int)RLIM_NLIMITS ? rlimit_names[resource] : NULL;
}

static void step_done(struct step *s) {
	free(s->text);
	free(s->key);
	free(s->why);
}

void plan_done(struct plan *p) {
	for (size_t i = 0; i < p->n_steps; i++)
		step_done(&p->steps[i]);
	free(p->steps);
	*p = (struct plan){ 0 };
}

/* Room for one more: the array doubles when its length is a power of two. */
static int plan_grow(struct plan *p) {
	size_t n = p->n_steps;
	struct step *grown;

	if (n != 0 && (n & (n - 1)) != 0)
		return 0;
	grown = reallocarray(p->steps, n ? n * 2 : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->steps = grown;
	return 0;
}

struct step *plan_append(struct plan *p, enum step_kind kind, const char *key, const char *text) {
	struct step s = { .kind = kind };

	if (key)
		s.key = strdup(key);
	if (text)
		s.text = strdup(text);
	if ((key && !s.key) || (text && !s.text) || plan_grow(p) < 0) {
		step_done(&s);
		return NULL;
	}
	p->steps[p->n_steps] = s;
	return &p->steps[p->n_steps++];
}

const char *scheduler_to_string(int policy) {
	static const char *const names[] = {
		[SCHED_OTHER] = "other",
		[SCHED_FIFO] = "fifo",
		[SCHED_RR] = "rr",
		[SCHED_BATCH] = "batch",
		[SCHED_IDLE] = "idle",
	};

	return policy >= 0 && policy < (int)ARRAY_LEN(names) ? names[policy] : NULL;
}

/* Most limits count bytes; these count something else. */
static const char *format_limit(int resource, int64_t bits, char buf[static UNITS_TEXT_MAX]) {
	uint64_t value = (uint64_t)bits;

	switch (resource) {
	case RLIMIT_NOFILE:
	case RLIMIT_NPROC:
	case RLIMIT_RTPRIO:
	case RLIMIT_NICE:
	case RLIMIT_LOCKS:
	case RLIMIT_SIGPENDING:
	case RLIMIT_CPU:
	case RLIMIT_RTTIME:
		if (value != BYTES_UNLIMITED) {
			snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64, value);
			return buf;
		}
		break;
	default:
		break;
	}
	return format_size(value, buf);
}

static const char *describe_rlimit(const struct step *s, char *buf, size_t size) {
	char soft[UNITS_TEXT_MAX], hard[UNITS_TEXT_MAX];
	const char *name = rlimit_to_string((int)s->number[0]);

	snprintf(buf, size, "limit %s: soft %s, hard %s", name ? name : "?",
		format_limit((int)s->number[0], s->number[1], soft),
		format_limit((int)s->number[0], s->number[2], hard));
	return buf;
}

/* A variable's value may be of several lines. */
static void keep_to_one_line(char *text) {
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

const char *step_describe(const struct step *s, char *buf, size_t size) {
	const char *text = s->text ? s->text : "";
	char names[CAPABILITY_LIST_TEXT_MAX];
	const char *name;

	switch (s->kind) {
	case STEP_RLIMIT:
		return describe_rlimit(s, buf, size);
	case STEP_THP_DISABLE:
		snprintf(buf, size, "transparent huge pages off for the process (survives exec)");
		break;
	case STEP_TRACE:
		snprintf(buf, size, "a helper that prepares the program from outside (ptrace)");
		break;
	case STEP_SCHEDULER:
		name = scheduler_to_string((int)s->number[0]);
		snprintf(buf, size, "scheduler %s, priority %" PRId64, name ? name : "?",
			s->number[1]);
		break;
	case STEP_OOM_SCORE:
	case STEP_NICE:
	case STEP_USER:
		snprintf(buf, size, "%s %" PRId64, step_kind_to_string(s->kind), s->number[0]);
		break;
	case STEP_OUTPUT:
		snprintf(buf, size, "%s%s%s to %s", s->number[0] & 2 ? "stdout" : "",
			(s->number[0] & 6) == 6 ? " and " : "", s->number[0] & 4 ? "stderr" : "",
			text);
		keep_to_one_line(buf);
		break;
	case STEP_UMASK:
		snprintf(buf, size, "umask %04o", (unsigned)s->number[0]);
		break;
	case STEP_GROUPS:
		snprintf(buf, size, "group %" PRId64 ", supplementary %s", s->number[0],
			*text ? text : "none");
		break;
	case STEP_CAPABILITIES:
		snprintf(buf, size, "ambient capabilities %s",
			capabilities_format((uint64_t)s->number[0], names));
		break;
	default:
		name = step_kind_to_string(s->kind);
		snprintf(buf, size, "%s%s%s", name ? name : "?", *text ? " " : "", text);
		keep_to_one_line(buf);
		break;
	}
	return buf;
}
