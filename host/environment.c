/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Environment files are read by the launcher, when it makes its plan: what they say is part of the plan
 * then, is shown by `rtmemctl plan`, and a changed file makes another launch of it.
 */
#include "host/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/strv.h"
#include "libpolicy/environment-file.h"
#include "libpolicy/rights.h"
#include "libpolicy/trust.h"

static const char key[] = "environment_files";

/* May root believe it? The same question as for a policy, since it decides what a program loads. */
static int check_trust(const char *path, int fd, struct launch_problem *problem) {
	_cleanup_diagnostics_ struct diagnostics d = { .n_items = 0 };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return launch_refuse(problem, -EINVAL, key, "%s isn't a file", path);
	if (geteuid() != 0 || (trust_links(&d, path) && trust_file(&d, path, &st)))
		return 0;
	if (d.n_items == 0)
		return -ENOMEM;
	return launch_refuse(problem, -EPERM, key, "%s: %s%s%s", d.items[0].file,
		d.items[0].message, d.items[0].hint ? ": " : "",
		d.items[0].hint ? d.items[0].hint : "");
}

static const char *remedy(int error) {
	switch (error) {
	case ENOENT:
		return "; write it, or put a - before its path if it may be missing";
	case EACCES:
		return "; its permissions, or those of a directory above it, forbid it";
	default:
		return "";
	}
}

static int read_one(const char *path, char ***variables, struct launch_problem *problem) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct environment_problem p = { .line = 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? -errno : check_trust(path, fd, problem);

	if (r == 0)
		r = read_file_fd(fd, ENVIRONMENT_FILE_MAX_BYTES, &text, &len);
	if (r == -EFBIG)
		return launch_refuse(problem, r, key, "%s is larger than such a file may be (%uK)",
			path, ENVIRONMENT_FILE_MAX_BYTES >> 10);
	if (r == 0)
		r = environment_file_parse(text, len, variables, &p);
	if (r == -EINVAL && p.line)
		return launch_refuse(problem, r, key, "%s:%u: %s", path, p.line, p.text);
	if (r < 0 && r != -ENOMEM && !problem->text[0])
		return launch_refuse(
			problem, r, key, "%s can't be read: %s%s", path, strerror(-r), remedy(-r));
	return r;
}

int environment_files_read(
	const struct process_policy *p, char ***ret, struct launch_problem *problem) {
	_cleanup_strv_ char **variables = NULL;

	STRV_FOREACH (file, p->environment_files) {
		const char *path = **file == '-' ? *file + 1 : *file;
		int r;

		if (path != *file && access(path, F_OK) < 0 && errno == ENOENT)
			continue;
		r = read_one(path, &variables, problem);
		if (r < 0)
			return r;
	}
	*ret = TAKE(variables);
	return 0;
}
