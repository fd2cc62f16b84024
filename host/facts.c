/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that a launch depends on beside the policy, looked up once and handed to the pure part
 * as plain numbers: this process's rights and limits, users and groups, the library to inject.
 */
#include "host/facts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/paths.h"
#include "common/units.h"
#include "host/allocator-library.h"
#include "host/environment.h"

#define LOOKUP_BUFFER_SIZE 16384 /* a group with very many members is the longest entry */

static int refuse(struct launch_problem *problem, const char *key, const char *what,
	const char *name, const char *remedy) {
	problem->key = key;
	snprintf(problem->text, sizeof(problem->text), "%s `%s` %s", what, name, remedy);
	return -ENOENT;
}

/* ---- this process ------------------------------------------------------------------------------ */

static uint64_t mask_of(const char *status, const char *title) {
	const char *line = strstr(status, title);

	return line ? strtoull(line + strlen(title), NULL, 16) : 0;
}

static int gather_rights(struct launch_facts *f) {
	_cleanup_free_ char *status = NULL;
	char score[16];
	int r;

	r = read_file("/proc/thread-self/status", 65536, &status, NULL);
	if (r < 0)
		return r;
	f->capabilities_effective = mask_of(status, "\nCapEff:");
	f->capabilities_bounding = mask_of(status, "\nCapBnd:");
	f->capabilities_ambient = mask_of(status, "\nCapAmb:");
	f->launcher_uid = geteuid();
	f->launcher_gid = getegid();
	if (read_line_file("/proc/self/oom_score_adj", score, sizeof(score)) == 0)
		f->oom_score_adjust = atoi(score);
	if (read_line_file("/proc/sys/kernel/yama/ptrace_scope", score, sizeof(score)) == 0)
		f->ptrace_scope = atoi(score);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		if (getrlimit((__rlimit_resource_t)i, &f->limits[i]) < 0)
			return -errno;
	return 0;
}

static void gather_library(struct facts *ret) {
	/* a path that LD_PRELOAD can't carry is as good as none */
	if (find_init_library(ret->init_library) == 0)
		ret->launch.init_library = ret->init_library;
}

static void gather_allocator(const struct process_policy *p, struct facts *ret) {
	if (p->memory.heap.allocator != ALLOCATOR_GLIBC &&
		allocator_library_find(p->memory.heap.allocator, ret->allocator_library) == 0)
		ret->launch.allocator_library = ret->allocator_library;
}

/* ---- users and groups -------------------------------------------------------------------------- */

static const char *keep(char *buf, size_t size, const char *text) {
	if (!text || strlen(text) >= size)
		return NULL;
	return strcpy(buf, text);
}

static void keep_user(const struct passwd *pw, struct facts *ret) {
	ret->launch.login = keep(ret->login, sizeof(ret->login), pw->pw_name);
	ret->launch.home = keep(ret->home, sizeof(ret->home), pw->pw_dir);
	ret->launch.shell = keep(ret->shell, sizeof(ret->shell), pw->pw_shell);
}

static int find_user(const char *name, struct passwd *pw, char *buf, size_t size, bool *ret_found) {
	struct passwd *found = NULL;
	uint64_t number;
	int r;

	if (parse_u64(name, &number) == 0)
		r = number < UINT32_MAX ? getpwuid_r((uid_t)number, pw, buf, size, &found) : 0;
	else
		r = getpwnam_r(name, pw, buf, size, &found);
	*ret_found = found;
	/* "not found" has many spellings among the back ends of NSS */
	return r == ENOENT || r == ESRCH || r == EBADF || r == EPERM ? 0 : -r;
}

static int gather_user(
	const struct process_policy *p, struct facts *ret, struct launch_problem *problem) {
	char buf[LOOKUP_BUFFER_SIZE], own[16];
	struct launch_facts *f = &ret->launch;
	struct passwd pw;
	uint64_t number;
	bool found;
	int r;

	snprintf(own, sizeof(own), "%u", (unsigned)f->launcher_uid);
	f->uid = f->launcher_uid;
	f->gid = f->launcher_gid;
	r = find_user(p->user ? p->user : own, &pw, buf, sizeof(buf), &found);
	if (r < 0)
		return r;
	if (found)
		keep_user(&pw, ret);
	if (!p->user)
		return 0;
	f->user_resolved = true;
	if (found) {
		f->uid = pw.pw_uid;
		f->gid = pw.pw_gid;
		return 0;
	}
	if (parse_u64(p->user, &number) < 0 || number >= UINT32_MAX)
		return refuse(problem, "user", "user", p->user,
			"doesn't exist here; create it, or name another one");
	if (!p->group)
		return refuse(problem, "user", "user", p->user,
			"isn't in the user database, so that its primary group isn't known; set "
			"`group` too");
	f->uid = (uid_t)number;
	return 0;
}

static int find_group(
	const char *name, const char *key, gid_t *ret, struct launch_problem *problem) {
	char buf[LOOKUP_BUFFER_SIZE];
	struct group gr, *found = NULL;
	uint64_t number;

	if (parse_u64(name, &number) == 0 && number < UINT32_MAX) {
		*ret = (gid_t)number;
		return 0;
	}
	(void)getgrnam_r(name, &gr, buf, sizeof(buf), &found);
	if (!found)
		return refuse(problem, key, "group", name,
			"doesn't exist here; create it, or name another one");
	*ret = found->gr_gid;
	return 0;
}

static int gather_named_groups(
	const struct process_policy *p, struct facts *ret, struct launch_problem *problem) {
	size_t n = 0;

	STRV_FOREACH (name, p->groups) {
		int r;

		if (n == ARRAY_LEN(ret->groups))
			return refuse(problem, "groups", "group", *name, "is one too many");
		r = find_group(*name, "groups", &ret->groups[n++], problem);
		if (r < 0)
			return r;
	}
	ret->launch.n_groups = n;
	return 0;
}

static int gather_groups(
	const struct process_policy *p, struct facts *ret, struct launch_problem *problem) {
	struct launch_facts *f = &ret->launch;
	int n = (int)ARRAY_LEN(ret->groups);

	f->groups = ret->groups;
	if (p->group) {
		int r = find_group(p->group, "group", &f->gid, problem);

		if (r < 0)
			return r;
	}
	if (p->groups)
		return gather_named_groups(p, ret, problem);
	if (!p->user) {
		n = getgroups(n, ret->groups);
		if (n < 0)
			return -errno;
	} else if (!f->login) {
		n = 0;
	} else if (getgrouplist(f->login, f->gid, ret->groups, &n) < 0) {
		return refuse(problem, "user", "user", p->user,
			"is in more groups than a launch can carry (256); set `groups`");
	}
	f->n_groups = (size_t)n;
	return 0;
}

/* ---- the program's file ------------------------------------------------------------------------ */

static const char *search_path(const struct process_policy *p, const struct launch_facts *f) {
	const char *path = strv_env_get(p->environment, "PATH");

	if (!path)
		path = strv_env_get(f->environment, "PATH");
	if (!path)
		path = f->foreground ? getenv("PATH") : LAUNCH_DEFAULT_PATH;
	return path ? path : LAUNCH_FALLBACK_PATH;
}

/* A path that begins without a slash is meant from where the program will start. */
static bool from_directory(const struct process_policy *p, const struct launch_facts *f,
	const char *file, char ret[static PATH_MAX]) {
	const char *directory = p->working_directory;

	if (!directory)
		directory = f->foreground ? "." : "/";
	if (file[0] == '/')
		return snprintf(ret, PATH_MAX, "%s", file) < PATH_MAX;
	return snprintf(ret, PATH_MAX, "%s/%s", directory, file) < PATH_MAX;
}

static bool find_program(
	const struct process_policy *p, const struct launch_facts *f, char ret[static PATH_MAX]) {
	const char *file = p->command[0];
	_cleanup_strv_ char **directories = NULL;
	struct stat st;

	if (strchr(file, '/'))
		return from_directory(p, f, file, ret);
	if (strv_split(search_path(p, f), ":", &directories) < 0)
		return false;
	STRV_FOREACH (d, directories) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", *d, file) < PATH_MAX &&
			from_directory(p, f, path, ret) && access(ret, X_OK) == 0 &&
			stat(ret, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

void facts_read_target(const struct process_policy *p, struct facts *f) {
	struct launch_facts *l = &f->launch;
	char path[PATH_MAX];

	l->target = (struct preflight){ 0 };
	l->target_known = p->command && p->command[0] && find_program(p, l, path) &&
		preflight_read(path, l->uid, l->gid, &l->target) == 0;
}

void facts_done(struct facts *f) {
	f->launch.environment = strv_free(f->launch.environment);
}

int facts_gather(
	const struct process_policy *p, struct facts *ret, struct launch_problem *problem) {
	int r;

	*ret = (struct facts){ .launch = { .report_fd = -1, .language = getenv("LANG") } };
	*problem = (struct launch_problem){ 0 };
	r = gather_rights(&ret->launch);
	if (r < 0)
		return r;
	gather_library(ret);
	gather_allocator(p, ret);
	r = gather_user(p, ret, problem);
	if (r == 0)
		r = gather_groups(p, ret, problem);
	if (r == 0)
		r = environment_files_read(p, &ret->launch.environment, problem);
	if (r == 0)
		facts_read_target(p, ret);
	return r;
}

bool facts_locked_pages_move(void) {
	char text[16];

	return read_line_file("/proc/sys/vm/compact_unevictable_allowed", text, sizeof(text)) ==
		0 &&
		strcmp(text, "1") == 0;
}
