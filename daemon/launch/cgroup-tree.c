/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who lives in the control group of a process, and in the groups that the program has made below it: a
 * runtime of containers, say, is stopped with what it runs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "daemon/confine/hands.h"
#include "daemon/launch/cgroup.h"

#define LIST_MAX_BYTES (4u << 20) /* of cgroup.procs */
#define DEPTH_MAX      32 /* of groups that a program makes below its own */
#define KILL_ROUNDS    64 /* without cgroup.kill: until a tree that forks stands still */

struct visit {
	int (*fn)(pid_t pid, void *userdata);
	void *userdata;
};

static int open_in_group(const struct process *p, const char *file, int flags) {
	_cleanup_close_ int directory = -1;
	char group[PATH_MAX];
	int fd;

	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return -EOPNOTSUPP;
	directory = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	fd = openat(directory, file, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_events_open(const struct process *p) {
	return open_in_group(p, "cgroup.events", O_RDONLY);
}

int cgroup_populated(const struct process *p) {
	_cleanup_close_ int fd = cgroup_events_open(p);
	_cleanup_free_ char *text = NULL;
	int r;

	if (fd < 0)
		return fd;
	r = read_file_fd(fd, LIST_MAX_BYTES, &text, NULL);
	return r < 0 ? r : strstr(text, "populated 1") != NULL;
}

static int visit_processes(int directory, const struct visit *v) {
	_cleanup_close_ int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	char *saved = NULL;
	int r;

	if (fd < 0)
		return -errno;
	r = read_file_fd(fd, LIST_MAX_BYTES, &text, NULL);
	if (r < 0) /* a group of threads lists none; those of its top do */
		return r == -EOPNOTSUPP ? 0 : r;
	for (char *line = strtok_r(text, "\n", &saved); line && r >= 0;
		line = strtok_r(NULL, "\n", &saved)) {
		uint64_t pid;

		if (parse_u64(line, &pid) == 0 && pid > 1 && pid <= INT32_MAX)
			r = v->fn((pid_t)pid, v->userdata);
	}
	return r < 0 ? r : 0;
}

/* A group that goes away as it's looked at has nobody in it. */
static int visit_group(int parent, const char *name, const struct visit *v, int depth) {
	_cleanup_closedir_ DIR *directory = NULL;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r;
	struct dirent *entry;

	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		r = -errno;
		close_fd(fd);
		return r;
	}
	r = visit_processes(fd, v);
	while (r == 0 && depth > 0 && (entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
			r = visit_group(fd, entry->d_name, v, depth - 1);
			if (r == -ENOENT || r == -ENODEV)
				r = 0;
		}
	return r;
}

int cgroup_each(const struct process *p, int (*fn)(pid_t pid, void *userdata), void *userdata) {
	const struct visit v = { fn, userdata };
	char group[PATH_MAX];

	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return -EOPNOTSUPP;
	return visit_group(AT_FDCWD, group, &v, DEPTH_MAX);
}

static int kill_one(pid_t pid, void *userdata) {
	unsigned *n = userdata;

	if (kill(pid, SIGKILL) == 0)
		++*n;
	return 0;
}

/* A kernel before 5.14 */
static int kill_each(const struct process *p) {
	unsigned n = 1;
	int r = 0;

	for (int i = 0; i < KILL_ROUNDS && n > 0 && r == 0; i++) {
		n = 0;
		r = cgroup_each(p, kill_one, &n);
	}
	return r;
}

static int kill_here(void *userdata) {
	const struct process *p = userdata;
	_cleanup_close_ int fd = open_in_group(p, "cgroup.kill", O_WRONLY);

	if (fd == -ENOENT)
		return kill_each(p);
	if (fd < 0)
		return fd;
	return write(fd, "1", 1) < 0 ? -errno : 0;
}

int cgroup_kill(struct process *p) {
	return hands_do(p->manager->hands, kill_here, p);
}

/* ---- its end ----------------------------------------------------------------------------------- */

/* Deepest first; the kernel's own files are no obstacle. */
static int remove_below(int parent, const char *name, int depth) {
	_cleanup_closedir_ DIR *directory = NULL;
	struct dirent *entry;
	int fd;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY || depth == 0)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		close_fd(fd);
		return -errno;
	}
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			(void)remove_below(fd, entry->d_name, depth - 1);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

static int remove_here(void *userdata) {
	const struct process *p = userdata;
	char group[PATH_MAX];

	if (!cgroup_path_of(&p->manager->cgroups, p->name, group))
		return -EOPNOTSUPP;
	return remove_below(AT_FDCWD, group, DEPTH_MAX);
}

int cgroup_remove(struct process *p) {
	return hands_do(p->manager->hands, remove_here, p);
}
