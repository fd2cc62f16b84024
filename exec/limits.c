/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps on what the process may use: limits, OOM score, huge pages, control group, directory. Each says
 * which right it lacks when the kernel refuses.
 */
#include "exec/launch.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/units.h"

static rlim_t to_rlim(int64_t bits) {
	return (uint64_t)bits == BYTES_UNLIMITED ? RLIM_INFINITY : (rlim_t)bits;
}

/* The hard limit stays, the soft one goes as far up as it lets it: less than asked, more than before. */
static void raise_soft_limit(int resource, const struct rlimit *old, rlim_t wanted) {
	struct rlimit partial = { .rlim_cur = wanted, .rlim_max = old->rlim_max };

	if (partial.rlim_cur > partial.rlim_max)
		partial.rlim_cur = partial.rlim_max;
	(void)setrlimit((__rlimit_resource_t)resource, &partial);
}

static void explain_rlimit(struct launch *l, int resource, const struct rlimit *old, int error) {
	char hard[UNITS_TEXT_MAX];

	if (error != EPERM)
		return;
	snprintf(l->why, sizeof(l->why),
		"the hard limit is %s here, and raising it needs CAP_SYS_RESOURCE, which the "
		"launcher lacks: raise it where the launcher is started (Limit*= of its systemd unit, "
		"/etc/security/limits.conf, ulimits of the container) or lower limits.%s",
		format_size(old->rlim_max == RLIM_INFINITY ? BYTES_UNLIMITED : old->rlim_max, hard),
		rlimit_to_string(resource));
}

int step_rlimit(struct launch *l, const struct step *s) {
	int resource = (int)s->number[0];
	struct rlimit old, wanted = { to_rlim(s->number[1]), to_rlim(s->number[2]) };
	int error;

	if (!rlimit_to_string(resource) || getrlimit((__rlimit_resource_t)resource, &old) < 0)
		return -EINVAL;
	if (setrlimit((__rlimit_resource_t)resource, &wanted) == 0)
		return 0;
	error = errno;
	explain_rlimit(l, resource, &old, error);
	if (s->optional)
		raise_soft_limit(resource, &old, wanted.rlim_cur);
	return -error;
}

int step_oom_score(struct launch *l, const struct step *s) {
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%" PRId64, s->number[0]);
	r = write_line_file("/proc/self/oom_score_adj", text);
	if (r == -EACCES || r == -EPERM)
		snprintf(l->why, sizeof(l->why),
			"lowering the score needs CAP_SYS_RESOURCE, which the launcher lacks: give it "
			"the capability, or set oom_score_adjust no lower than it is where it starts");
	return r;
}

int step_thp_disable(struct launch *l, const struct step *s) {
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0)
		return 0;
	if (errno == EINVAL)
		snprintf(l->why, sizeof(l->why),
			"this kernel has no transparent huge pages to turn off, remove memory.thp");
	return -errno;
}

int step_cgroup(struct launch *l, const struct step *s) {
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/cgroup.procs", s->text);
	int r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	r = write_line_file(path, "0");
	if (r == -EACCES || r == -EPERM)
		snprintf(l->why, sizeof(l->why),
			"%.300s can't be written: the group isn't delegated to the launcher's user",
			path);
	else if (r == -EBUSY)
		snprintf(l->why, sizeof(l->why),
			"the group has controllers on for its children, so it can't hold processes");
	else if (r == -ENOENT)
		snprintf(l->why, sizeof(l->why), "there is no control group %.300s", s->text);
	return r;
}

int step_umask(struct launch *l, const struct step *s) {
	if (s->number[0] < 0 || s->number[0] > 0777)
		return -EINVAL;
	(void)umask((mode_t)s->number[0]);
	return 0;
}

/* With the rights of the program, not with those that root's steps have left. */
int step_directory(struct launch *l, const struct step *s) {
	int r = credentials_finish(l);

	if (r < 0)
		return r;
	if (chdir(s->text) == 0)
		return 0;
	if (errno == ENOENT)
		snprintf(l->why, sizeof(l->why),
			"there is no such directory: make it, or change working_directory");
	if (errno == EACCES)
		snprintf(l->why, sizeof(l->why),
			"user %u may not enter it: change its mode, user or working_directory",
			(unsigned)geteuid());
	return -errno;
}
