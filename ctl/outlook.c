/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathers facts, makes plan and budget, and compares the budget with the limit of this machine. */
#include "ctl/outlook.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/capability.h"
#include "host/cgroup.h"
#include "host/facts.h"
#include "libpolicy/rights.h"

#define GLIBC_STACK_WHEN_UNLIMITED (2u << 20) /* what glibc takes for threads then */
#define MEBIBYTE		   (UINT64_C(1) << 20)

void outlook_done(struct outlook *o) {
	plan_done(&o->plan);
}

static const char *variable(const struct process_policy *p, const char *name) {
	return strv_env_get(p->environment, name);
}

static uint64_t default_stack(const struct process_policy *p, const struct launch_facts *f) {
	uint64_t soft = f->limits[RLIMIT_STACK].rlim_cur;

	if (p->limits[RLIMIT_STACK].set)
		soft = p->limits[RLIMIT_STACK].value;
	return soft == BYTES_UNLIMITED ? GLIBC_STACK_WHEN_UNLIMITED : soft;
}

/* What a refusal says stands with the problem already. */
static void warn_about_injection(struct outlook *o) {
	if (o->injection.way == WAY_NONE)
		snprintf(o->warning, sizeof(o->warning), "%s", o->injection.why);
	else if (o->image.missing[0] && !o->image_error)
		snprintf(o->warning, sizeof(o->warning),
			"%s wasn't found, so that the image is larger than said", o->image.missing);
}

static void read_image(struct outlook *o, const struct launch_facts *f) {
	const struct process_policy *p = o->policy;

	if (!p->command || !p->command[0])
		return;
	o->image_error = image_read(p->command[0], variable(p, "PATH"),
		variable(p, "LD_LIBRARY_PATH"), f->init_library, &o->image);
	if (o->image_error < 0)
		snprintf(o->warning, sizeof(o->warning),
			"the image of %.200s isn't known (%s), so that the budget lacks it",
			p->command[0], strerror(-o->image_error));
	warn_about_injection(o);
}

static void compare_with_limit(struct outlook *o, const struct launch_facts *f) {
	uint64_t hard = f->limits[RLIMIT_MEMLOCK].rlim_max;
	char text[UNITS_TEXT_MAX], wanted[UNITS_TEXT_MAX];

	format_size(hard, text);
	format_size(o->memlock_bytes, wanted);
	if (rights_of_program(o->policy, f) & CAPABILITY_BIT(CAP_IPC_LOCK))
		snprintf(o->memlock_advice, sizeof(o->memlock_advice),
			"the program holds CAP_IPC_LOCK, under which the limit doesn't bind (hard "
			"limit here: %s)",
			text);
	else if (o->memlock_bytes <= hard)
		snprintf(o->memlock_advice, sizeof(o->memlock_advice),
			"fits under the hard limit here (%s)", text);
	else if (rights_allow_limit(f, RLIMIT_MEMLOCK, o->memlock_bytes))
		snprintf(o->memlock_advice, sizeof(o->memlock_advice),
			"above the hard limit here (%s), which the launcher may raise", text);
	else
		snprintf(o->memlock_advice, sizeof(o->memlock_advice),
			"above the hard limit here (%s): raise that to %s (LimitMEMLOCK= of the "
			"unit, /etc/security/limits.d, --ulimit of a container), or %s",
			text, wanted, rights_way_to_ipc_lock(f));
}

/* Rounded up to whole MiB: nobody writes 184.3M into a policy. */
static void make_budget(struct outlook *o, const struct launch_facts *f) {
	char text[UNITS_TEXT_MAX];

	budget_compute(o->policy, o->image_error ? 0 : o->image.bytes, default_stack(o->policy, f),
		&o->budget);
	o->memlock_bytes = (o->budget.total_bytes + MEBIBYTE - 1) & ~(MEBIBYTE - 1);
	snprintf(o->memlock_line, sizeof(o->memlock_line), "limits: { memlock: %s }",
		format_size(o->memlock_bytes, text));
	compare_with_limit(o, f);
}

static bool wants_pages_kept(const struct policy_set *set) {
	for (size_t i = 0; i < set->n_wishes; i++)
		if (strcmp(set->wishes[i].setting, "sysctl.vm.compact_unevictable_allowed") == 0)
			return strcmp(set->wishes[i].wanted, "0") == 0;
	return false;
}

/* A lock keeps a page in memory, not in its place. */
static void note_moving(struct outlook *o, const struct policy_set *set) {
	struct launch_notes *n = &o->notes;

	if (o->policy->memory.lock == LOCK_NONE || n->n == LAUNCH_NOTES_MAX ||
		wants_pages_kept(set) || !facts_locked_pages_move())
		return;
	snprintf(n->text[n->n++], LAUNCH_NOTE_MAX,
		"the kernel may move locked pages here, and who touches one meanwhile takes a minor "
		"fault; to forbid it: host: { sysctl: { vm.compact_unevictable_allowed: 0 } }");
}

__attribute__((format(printf, 2, 3))) static void note(struct outlook *o, const char *format, ...) {
	va_list args;

	if (o->notes.n == LAUNCH_NOTES_MAX)
		return;
	va_start(args, format);
	vsnprintf(o->notes.text[o->notes.n++], LAUNCH_NOTE_MAX, format, args);
	va_end(args);
}

static void note_value(const char *name, uint64_t bytes, char *buf, size_t size) {
	char text[UNITS_TEXT_MAX];
	size_t used = strlen(buf);

	if (bytes > 0)
		snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "", name,
			format_size(bytes, text));
}

/* rtmemd writes these before the launch, and when they change. */
static void note_cgroup(struct outlook *o, const struct cgroup_place *place) {
	const struct cgroup_policy *c = &o->policy->cgroup;
	char values[128] = "";

	note_value("memory.min", c->memory_min_bytes, values, sizeof(values));
	note_value("memory.low", c->memory_low_bytes, values, sizeof(values));
	note_value("memory.max", c->memory_max_bytes, values, sizeof(values));
	if (!*values)
		return;
	if (place->usable && place->memory)
		note(o, "control group: rtmemd sets %s", values);
	else
		note(o, "control group: %s: not applicable here: %s", values, place->reason);
}

/* As rtmemd will, whose runtime directory names the groups. */
static int plan_launch(struct outlook *o, const char *runtime_dir, struct facts *f) {
	_cleanup_free_ struct cgroup_place *place = calloc(1, sizeof(*place));
	char group[PATH_MAX];
	int r = place ? cgroup_locate("", runtime_dir, place) : -ENOMEM;

	if (r < 0)
		return r;
	if (cgroup_path_of(place, o->policy->name, group))
		f->launch.cgroup = group;
	r = launch_plan(o->policy, &f->launch, &o->plan, &o->problem);
	f->launch.cgroup = NULL;
	launch_notes(o->policy, &f->launch, &o->notes);
	note_cgroup(o, place);
	return r;
}

int outlook_make(const struct policy_set *set, const struct process_policy *p,
	const char *runtime_dir, struct outlook *ret) {
	_cleanup_facts_ struct facts facts = { .login = "" };
	int r;

	*ret = (struct outlook){ .policy = p };
	r = facts_gather(p, &facts, &ret->problem);
	if (r == 0)
		injection_choose(p, &facts.launch, &ret->injection);
	if (r == 0)
		r = plan_launch(ret, runtime_dir, &facts);
	if (r < 0 && !ret->problem.text[0])
		return r;
	note_moving(ret, set);
	read_image(ret, &facts.launch);
	if (p->memory.lock != LOCK_NONE)
		make_budget(ret, &facts.launch);
	return 0;
}
