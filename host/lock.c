/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel holds the lock, so that none is left over by whoever is killed. The pid in the file is for
 * people alone. What a journal says is written to the machine by root: its directory must be ours.
 */
#include "host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define STEP_MSEC 20

/* The new directory must last as well: fsync of its parent. */
static int make_directory(const char *path) {
	_cleanup_close_ int fd = -1;
	char parent[PATH_MAX];
	char *slash;

	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (snprintf(parent, sizeof(parent), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_directory(const char *path) {
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = make_directory(path);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return -EPERM;
	return TAKE_FD(fd);
}

static void write_holder(int fd) {
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

static pid_t read_holder(int fd) {
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

int host_lock(const char *state_dir, int patience_msec, pid_t *ret_holder) {
	static const struct timespec step = { .tv_nsec = STEP_MSEC * 1000000L };
	_cleanup_close_ int directory = open_directory(state_dir), fd = -1;

	*ret_holder = 0;
	if (directory < 0)
		return directory;
	fd = openat(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += STEP_MSEC) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= patience_msec) {
			*ret_holder = read_holder(fd);
			return -EWOULDBLOCK;
		}
		(void)nanosleep(&step, NULL);
	}
	write_holder(fd);
	return TAKE_FD(fd);
}

bool host_lock_is_held(const char *state_dir) {
	pid_t holder;
	_cleanup_close_ int fd = host_lock(state_dir, 0, &holder);

	return fd == -EWOULDBLOCK;
}
