/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A launch as a list of steps. The order is the whole idea: what needs the launcher's rights comes
 * before they're given up (limits, OOM score, scheduler, groups, user), what needs nothing comes last
 * (directory, environment, program). Each part below appends the steps of one row of that order; the
 * list of parts at the end of this file is the order.
 */
#include "libpolicy/launch.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "common/capability.h"
#include "libpolicy/launch-build.h"
#include "libpolicy/rights.h"

/* Arguments, environment and the frames below main() share the stack with the depth asked for. */
#define MAIN_STACK_EXTRA_BYTES (256u << 10)

/* ---- control group ------------------------------------------------------------------------------ */

/* First of all, so that nothing of it lives outside. */
static int add_cgroup(struct build *b) {
	struct step *s;

	if (!b->f->cgroup)
		return 0;
	s = plan_append(b->plan, STEP_CGROUP, "cgroup", b->f->cgroup);
	if (!s)
		return -ENOMEM;
	s->optional = true; /* without it the program runs all the same, where its launcher does */
	return 0;
}

/* ---- limits ------------------------------------------------------------------------------------ */

static int append_limit(struct build *b, int resource, const char *key, uint64_t soft,
	uint64_t hard, const char *why) {
	struct step *s = plan_append(b->plan, STEP_RLIMIT, key, NULL);

	if (!s)
		return -ENOMEM;
	s->number[0] = resource;
	s->number[1] = (int64_t)soft;
	s->number[2] = (int64_t)hard;
	if (!why)
		return 0;
	s->optional = true;
	s->why = strdup(why);
	return s->why ? 0 : -ENOMEM;
}

/* Says why a limit that can't be raised is no obstacle; rights_check() has refused the others. */
static const char *limit_why(
	struct build *b, int resource, uint64_t value, char *buf, size_t size) {
	int over = rights_capability_over_limit(resource);
	char hard[UNITS_TEXT_MAX], name[CAPABILITY_LIST_TEXT_MAX];

	if (over < 0 || rights_allow_limit(b->f, resource, value))
		return NULL;
	limit_format(resource, b->f->limits[resource].rlim_max, hard);
	if (rights_of_program(b->p, b->f) & CAPABILITY_BIT(over))
		snprintf(buf, size,
			"the hard limit is %s and raising it needs CAP_SYS_RESOURCE; the program "
			"holds %s, under which the %s limit doesn't bind",
			hard, capabilities_format(CAPABILITY_BIT(over), name),
			rlimit_to_string(resource));
	else
		snprintf(buf, size,
			"the hard limit is %s and raising it needs CAP_SYS_RESOURCE; the program "
			"can lock no more than that: raise the launcher's hard limit, or %s",
			hard, rights_way_to_ipc_lock(b->f));
	return buf;
}

/* A lock counts against memlock: without a word about it in the policy, as much as can be had, and no
 * word either where the limit neither moves nor binds. */
static int add_memlock(struct build *b) {
	char why[400];

	if (b->p->memory.lock == LOCK_NONE || b->p->limits[RLIMIT_MEMLOCK].set)
		return 0;
	if (!rights_allow_limit(b->f, RLIMIT_MEMLOCK, BYTES_UNLIMITED) &&
		(rights_of_program(b->p, b->f) & CAPABILITY_BIT(CAP_IPC_LOCK)))
		return 0;
	if (!limit_why(b, RLIMIT_MEMLOCK, BYTES_UNLIMITED, why, sizeof(why)))
		snprintf(why, sizeof(why), "locked memory counts against this limit");
	return append_limit(
		b, RLIMIT_MEMLOCK, "memory.lock", BYTES_UNLIMITED, BYTES_UNLIMITED, why);
}

/* Without the library, the stack limit is the one way to tell glibc a size for threads' stacks. */
static bool threads_by_limit(const struct build *b) {
	return b->injection.way == WAY_PTRACE && b->p->memory.stack.threads_bytes &&
		b->f->target.glibc;
}

/* The main stack grows up to the soft limit that was in force at execve(). */
static int add_main_stack(struct build *b) {
	const struct rlimit *now = &b->f->limits[RLIMIT_STACK];
	uint64_t wanted = b->p->memory.stack.main_bytes + MAIN_STACK_EXTRA_BYTES;

	if (!launch_needs_injection(b->p) || b->p->limits[RLIMIT_STACK].set)
		return 0;
	if (threads_by_limit(b) && b->p->memory.stack.threads_bytes > wanted)
		wanted = b->p->memory.stack.threads_bytes;
	if (threads_by_limit(b) && now->rlim_cur != wanted)
		return append_limit(b, RLIMIT_STACK, "memory.stack.threads", wanted,
			now->rlim_max > wanted ? now->rlim_max : wanted, NULL);
	if (!b->p->memory.stack.main_bytes || now->rlim_cur >= wanted)
		return 0;
	return append_limit(b, RLIMIT_STACK, "memory.stack.main", wanted,
		now->rlim_max > wanted ? now->rlim_max : wanted, NULL);
}

static int add_limits(struct build *b) {
	int r = 0;

	for (int i = 0; i < (int)RLIM_NLIMITS && r == 0; i++) {
		const struct limit *limit = &b->p->limits[i];
		char key[32], why[400];

		if (!limit->set)
			continue;
		snprintf(key, sizeof(key), "limits.%s", rlimit_to_string(i));
		r = append_limit(b, i, key, limit->value, limit->value,
			limit_why(b, i, limit->value, why, sizeof(why)));
	}
	if (r == 0)
		r = add_memlock(b);
	return r < 0 ? r : add_main_stack(b);
}

/* ---- what survives execve() -------------------------------------------------------------------- */

static int add_oom_score(struct build *b) {
	if (!b->p->oom_score_adjust_set)
		return 0;
	return append_number(b, STEP_OOM_SCORE, "oom_score_adjust", b->p->oom_score_adjust);
}

static int add_thp(struct build *b) {
	if (b->p->memory.thp != THP_OFF)
		return 0;
	return append_text(b, STEP_THP_DISABLE, "memory.thp", NULL);
}

static int add_affinity(struct build *b) {
	char list[CPU_LIST_TEXT_MAX];

	if (!b->p->scheduling.cpus_set)
		return 0;
	return append_text(
		b, STEP_AFFINITY, "scheduling.cpus", format_cpu_list(b->p->scheduling.cpus, list));
}

static int add_scheduling(struct build *b) {
	const struct scheduling_policy *s = &b->p->scheduling;
	struct step *step;

	if (s->policy >= 0) {
		step = plan_append(b->plan, STEP_SCHEDULER, "scheduling.policy", NULL);
		if (!step)
			return -ENOMEM;
		step->number[0] = s->policy;
		step->number[1] = s->priority;
		step->number[2] = s->nice_set ? s->nice : 0;
	}
	return s->nice_set ? append_number(b, STEP_NICE, "scheduling.nice", s->nice) : 0;
}

/* ---- credentials ------------------------------------------------------------------------------- */

static char *groups_to_text(const struct launch_facts *f) {
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < f->n_groups; i++)
		fprintf(out, "%s%ju", i ? "," : "", (uintmax_t)f->groups[i]);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Without the right to set groups there is nothing to set: rights_check() saw to it. */
static int add_groups(struct build *b) {
	bool asked = b->p->user || b->p->group || b->p->groups;
	_cleanup_free_ char *text = NULL;
	struct step *s;

	if (!asked || !(b->f->capabilities_effective & CAPABILITY_BIT(CAP_SETGID)))
		return 0;
	text = groups_to_text(b->f);
	if (!text)
		return -ENOMEM;
	s = plan_append(b->plan, STEP_GROUPS, b->p->group || b->p->groups ? "group" : "user", text);
	if (!s)
		return -ENOMEM;
	s->number[0] = b->f->gid;
	return 0;
}

/* ---- output ------------------------------------------------------------------------------------ */

#define OUTPUT_STDOUT (1 << 1)
#define OUTPUT_STDERR (1 << 2)

static int append_output(struct build *b, const char *key, const char *target, int which) {
	bool journal = strcmp(target, "journal") == 0;
	char identifier[128];
	struct step *s;

	if (strcmp(target, "inherit") == 0)
		return 0;
	snprintf(identifier, sizeof(identifier), "journal:%s", b->p->name);
	s = plan_append(b->plan, STEP_OUTPUT, key, journal ? identifier : target);
	if (!s)
		return -ENOMEM;
	s->number[0] = which;
	s->number[1] = b->f->uid;
	if (!journal)
		return 0;
	s->optional = true;
	s->why = strdup("without a journal (systemd-journald) output goes where rtmemd's own does");
	return s->why ? 0 : -ENOMEM;
}

/* Once the groups are the program's, and while root can still make the file. In the foreground the caller
 * has seen to it. */
static int add_output(struct build *b) {
	const char *out = b->p->output.standard ? b->p->output.standard : "inherit";
	const char *error = b->p->output.error ? b->p->output.error : out;
	int r;

	if (b->f->foreground)
		return 0;
	if (strcmp(out, error) == 0)
		return append_output(b, "output.stdout", out, OUTPUT_STDOUT | OUTPUT_STDERR);
	r = append_output(b, "output.stdout", out, OUTPUT_STDOUT);
	return r < 0 ? r : append_output(b, "output.stderr", error, OUTPUT_STDERR);
}

static int add_user(struct build *b) {
	if (!b->p->user || b->f->uid == b->f->launcher_uid)
		return 0;
	return append_number(b, STEP_USER, "user", b->f->uid);
}

static int add_capabilities(struct build *b) {
	if (!b->p->capabilities_set)
		return 0;
	return append_number(b, STEP_CAPABILITIES, "capabilities", (int64_t)b->p->capabilities);
}

/* ---- directory and program --------------------------------------------------------------------- */

static int add_directory(struct build *b) {
	if (b->p->working_directory)
		return append_text(b, STEP_DIRECTORY, "working_directory", b->p->working_directory);
	/* a daemon's own directory is an accident that no program should depend on */
	return b->f->foreground ? 0 : append_text(b, STEP_DIRECTORY, NULL, "/");
}

static int add_umask(struct build *b) {
	if (b->p->umask_set)
		return append_number(b, STEP_UMASK, "umask", b->p->umask);
	/* nor should it depend on how the daemon was started */
	return b->f->foreground ? 0 : append_number(b, STEP_UMASK, NULL, LAUNCH_DEFAULT_UMASK);
}

static int add_program(struct build *b) {
	int r = 0;

	STRV_FOREACH (argument, b->p->command) {
		if (r == 0)
			r = append_text(b, STEP_ARGUMENT, "command", *argument);
	}
	return r < 0 ? r : append_text(b, STEP_EXEC, "command", b->p->command[0]);
}

static int check_program(const struct process_policy *p, const struct launch_facts *f,
	const struct injection *i, struct launch_problem *problem) {
	if (!p->command || !p->command[0])
		return launch_refuse(problem, -EINVAL, "command", "there is no command to run");
	if (i->way == WAY_REFUSE)
		return launch_refuse(problem, -EPERM, "inject", "%s", i->why);
	if (i->way == WAY_PRELOAD && !f->init_library)
		return launch_refuse(problem, -ENOENT, "memory",
			"librtmem-init.so, which locks memory inside the program, wasn't found; "
			"install rtmem completely, or run from its build directory");
	return 0;
}

int launch_plan(const struct process_policy *p, const struct launch_facts *f, struct plan *ret,
	struct launch_problem *problem) {
	static int (*const parts[])(struct build *) = {
		add_cgroup,
		launch_add_tracer,
		add_limits,
		add_oom_score,
		add_thp,
		add_affinity,
		add_scheduling,
		add_groups,
		add_output,
		add_user,
		add_capabilities,
		add_umask,
		add_directory,
		launch_add_environment,
		launch_add_tunables,
		launch_add_allocator,
		launch_add_injection,
		add_program,
	};
	_cleanup_plan_ struct plan plan = { 0 };
	struct build b = { .p = p, .f = f, .plan = &plan };
	int r;

	*problem = (struct launch_problem){ 0 };
	injection_choose(p, f, &b.injection);
	r = check_program(p, f, &b.injection, problem);
	if (r == 0)
		r = launch_check_allocator(p, f, &b.injection, problem);
	if (r == 0)
		r = rights_check(p, f, problem);
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++)
		r = parts[i](&b);
	if (r < 0)
		return r;
	*ret = plan;
	plan = (struct plan){ 0 };
	return 0;
}
