/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A limit is changed in the running process (prlimit) and read back. What the kernel refuses is told
 * with the right that is missing; the next judgement finds it, too. A key that is taken out of the policy
 * gives the process what a launch would: our own value.
 */
#include "daemon/reload/live.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/io.h"
#include "common/plan.h"
#include "daemon/confine/hands.h"
#include "daemon/log.h"
#include "daemon/manager.h"

static bool have_capability(int number) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capget, &header, data) == 0 &&
		data[CAP_TO_INDEX(number)].effective & CAP_TO_MASK(number);
}

static bool holds(const struct process *p, int capability) {
	return p->run->memory_valid && p->run->memory.capabilities_effective >> capability & 1;
}

__attribute__((format(printf, 2, 3))) static void complain(
	char problem[static LIVE_PROBLEM_MAX], const char *format, ...) {
	size_t used = strlen(problem);
	va_list args;

	if (used > 0 && used < LIVE_PROBLEM_MAX - 2)
		used += (size_t)snprintf(problem + used, LIVE_PROBLEM_MAX - used, "; ");
	va_start(args, format);
	(void)vsnprintf(problem + used, LIVE_PROBLEM_MAX - used, format, args);
	va_end(args);
}

/* ---- limits ------------------------------------------------------------------------------------ */

#define LIMITS_OFFSET offsetof(struct process_policy, limits)

static bool is_limit(const struct field *f) {
	return f->kind == KIND_LIMIT_SIZE || f->kind == KIND_LIMIT_COUNT;
}

static int resource_of(const struct field *f) {
	return (int)((f->offset - LIMITS_OFFSET) / sizeof(struct limit));
}

static int exchange(pid_t pid, int resource, const struct rlimit *now, struct rlimit *old) {
	return prlimit(pid, (__rlimit_resource_t)resource, now, old) < 0 ? -errno : 0;
}

static rlim_t to_rlim(uint64_t value) {
	return value == BYTES_UNLIMITED ? RLIM_INFINITY : (rlim_t)value;
}

/* What a launch would give. Not set, memlock is raised for a lock as far as that is allowed. */
static int wanted_limit(const struct process *p, const struct process_policy *to, int resource,
	struct rlimit *ret) {
	const struct limit *l = &to->limits[resource];

	if (l->set)
		*ret = (struct rlimit){ to_rlim(l->value), to_rlim(l->value) };
	else if (resource == RLIMIT_MEMLOCK && to->memory.lock != LOCK_NONE)
		*ret = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	else if (resource == RLIMIT_NOFILE)
		*ret = p->manager->descriptors.given;
	else
		return exchange(0, resource, NULL, ret);
	return 0;
}

/* The kernel lets a limit that a capability voids be too low; so do we. */
static bool is_void(const struct process *p, int resource) {
	return (resource == RLIMIT_MEMLOCK && holds(p, CAP_IPC_LOCK)) ||
		((resource == RLIMIT_RTPRIO || resource == RLIMIT_NICE) && holds(p, CAP_SYS_NICE));
}

static void explain_limit(const struct process *p, const struct process_policy *to, int resource,
	const struct rlimit *old, int error, char problem[static LIVE_PROBLEM_MAX]) {
	char hard[UNITS_TEXT_MAX];

	if (!to->limits[resource].set || is_void(p, resource))
		return;
	if (error == -EPERM)
		complain(problem,
			"limits.%s: the hard limit of the running process is %s, and raising it needs "
			"CAP_SYS_RESOURCE, which rtmemd lacks (so would a launch): raise the limit that "
			"rtmemd is started with, or lower the key",
			rlimit_to_string(resource),
			format_size(
				old->rlim_max == RLIM_INFINITY ? BYTES_UNLIMITED : old->rlim_max,
				hard));
	else
		complain(problem, "limits.%s: %s", rlimit_to_string(resource), strerror(-error));
}

static int set_limit(
	pid_t pid, int resource, const struct rlimit *wanted, const struct rlimit *old) {
	struct rlimit now, partial = { .rlim_cur = wanted->rlim_cur, .rlim_max = old->rlim_max };
	int r = exchange(pid, resource, wanted, NULL);

	if (r == -EPERM) { /* as far up as it goes */
		if (partial.rlim_cur > partial.rlim_max)
			partial.rlim_cur = partial.rlim_max;
		(void)exchange(pid, resource, &partial, NULL);
	}
	if (r == 0)
		r = exchange(pid, resource, NULL, &now);
	if (r == 0 && (now.rlim_cur != wanted->rlim_cur || now.rlim_max != wanted->rlim_max))
		r = -EIO;
	return r;
}

static void follow_limit(const struct process *p, const struct field *f,
	const struct process_policy *to, bool dry, char problem[static LIVE_PROBLEM_MAX]) {
	int resource = resource_of(f);
	struct rlimit wanted, old = { 0, 0 };
	int r = wanted_limit(p, to, resource, &wanted);

	if (r == 0)
		r = exchange(p->run->pid, resource, NULL, &old);
	if (r == 0 && !dry)
		r = set_limit(p->run->pid, resource, &wanted, &old);
	else if (r == 0 && wanted.rlim_max > old.rlim_max && !have_capability(CAP_SYS_RESOURCE))
		r = -EPERM;
	if (r < 0)
		explain_limit(p, to, resource, &old, r, problem);
}

/* ---- the OOM score ----------------------------------------------------------------------------- */

static int read_score(const char *path, int64_t *ret) {
	char text[32];
	int r = read_line_file(path, text, sizeof(text));

	return r < 0 ? r : parse_i64(text, ret);
}

static int write_score(const char *path, int64_t score) {
	char text[32];
	int64_t now = 0;
	int r;

	snprintf(text, sizeof(text), "%" PRId64, score);
	r = write_line_file(path, text);
	if (r == 0)
		r = read_score(path, &now);
	return r == 0 && now != score ? -EIO : r;
}

static void follow_score(const struct process *p, const struct process_policy *to, bool dry,
	char problem[static LIVE_PROBLEM_MAX]) {
	int64_t wanted = to->oom_score_adjust, old = 0;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)p->run->pid);
	r = to->oom_score_adjust_set ? 0 : read_score("/proc/self/oom_score_adj", &wanted);
	if (r == 0)
		r = read_score(path, &old);
	if (r == 0 && !dry)
		r = write_score(path, wanted);
	else if (r == 0 && wanted < old && !have_capability(CAP_SYS_RESOURCE))
		r = -EACCES;
	if (r == -EACCES || r == -EPERM)
		complain(problem,
			"oom_score_adjust: lowering it from %" PRId64 " to %" PRId64
			" needs CAP_SYS_RESOURCE, which rtmemd lacks",
			old, wanted);
	else if (r < 0)
		complain(problem, "oom_score_adjust: %s", strerror(-r));
}

/* ---- all --------------------------------------------------------------------------------------- */

/* Another user's process is out of reach without the capability; a launch sets limits before it
 * becomes that user's. */
static int reach(void *userdata) {
	const struct process *p = userdata;
	struct rlimit unused;

	return exchange(p->run->pid, RLIMIT_NOFILE, NULL, &unused);
}

void live_restrict(const struct process *p, struct policy_differences *d) {
	bool within = true, known = false;

	for (size_t i = 0; p->run && i < d->n_items; i++) {
		if (!d->items[i].live || !is_limit(d->items[i].field))
			continue;
		if (!known)
			within = hands_do(p->manager->hands, reach, (void *)p) != -EPERM;
		known = true;
		d->items[i].live = within;
	}
}

static bool is_of_cgroup(const struct field *f) {
	return f->offset >= offsetof(struct process_policy, cgroup) &&
		f->offset < offsetof(struct process_policy, cgroup) + sizeof(struct cgroup_policy);
}

struct following {
	struct process *process;
	const struct policy_differences *differences;
	const struct process_policy *to;
	bool dry;
	char *problem;
};

/* What the loop's thread has no rights for. */
static int follow(void *userdata) {
	const struct following *w = userdata;

	for (size_t i = 0; i < w->differences->n_items; i++) {
		const struct field *f = w->differences->items[i].field;

		if (!w->differences->items[i].live)
			continue;
		if (is_limit(f))
			follow_limit(w->process, f, w->to, w->dry, w->problem);
		else if (f->offset == offsetof(struct process_policy, oom_score_adjust))
			follow_score(w->process, w->to, w->dry, w->problem);
	}
	return 0;
}

static bool is_launched(const struct field *f) {
	const size_t memory = offsetof(struct process_policy, memory);

	return is_limit(f) || f->offset == offsetof(struct process_policy, oom_score_adjust) ||
		(f->offset >= memory && f->offset < memory + sizeof(struct memory_policy));
}

bool live_is_launched(const struct policy_differences *d) {
	for (size_t i = 0; i < d->n_items; i++)
		if (is_launched(d->items[i].field))
			return true;
	return false;
}

bool live_is_cgroup(const struct policy_differences *d) {
	for (size_t i = 0; i < d->n_items; i++)
		if (d->items[i].live && is_of_cgroup(d->items[i].field))
			return true;
	return false;
}

void live_follow(struct process *p, const struct policy_differences *d,
	const struct process_policy *to, bool dry, char problem[static LIVE_PROBLEM_MAX]) {
	struct following w = { p, d, to, dry, problem };

	problem[0] = '\0';
	if (!p->run || d->n_items == 0)
		return;
	(void)hands_do(p->manager->hands, follow, &w);
	if (problem[0] && !dry)
		log_event(MESSAGE_APPLIED, LOG_WARNING, p->name, NULL, "not all was followed: %s",
			problem);
}
