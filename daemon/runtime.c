/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runtime directory is where records of processes are believed from, and where clients look for the
 * daemon: so it must be ours alone to write. The lock says that there's one daemon per directory; the
 * kernel takes it back when the daemon ends in whatever way.
 */
#include "daemon/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/receive.h"
#include "daemon/log.h"

#define LOCK_PAUSE_NSEC 20000000
#define LOCK_TRIES	100 /* two seconds */

static int check_directory(int fd, const char *directory) {
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return 0;
	log_error(
		"%s belongs to uid %u with mode %04o: the runtime directory must be owned by uid %u "
		"and writable by nobody else (chown %u %s && chmod 755 %s)",
		directory, st.st_uid, st.st_mode & 07777, geteuid(), geteuid(), directory,
		directory);
	return -EPERM;
}

static int open_directory(const char *directory) {
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		r = -errno;
		log_error("can't create %s: %s", directory, strerror(-r));
		return r;
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		log_error("can't open %s: %s", directory, strerror(-r));
		return r;
	}
	r = check_directory(fd, directory);
	return r < 0 ? r : TAKE_FD(fd);
}

/* A former rtmemd that is about to end has it for a moment yet, as does a child of it that isn't quite
 * itself. */
static int lock_patiently(int fd) {
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NSEC };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

int runtime_lock(const char *directory) {
	_cleanup_close_ int fd = open_directory(directory), lock = -1;
	int r;

	if (fd < 0)
		return fd;
	lock = openat(fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0) {
		r = -errno;
		log_error("can't open %s/lock: %s", directory, strerror(-r));
		return r;
	}
	r = lock_patiently(lock);
	if (r == 0)
		return TAKE_FD(lock);
	if (r == -EWOULDBLOCK)
		log_error("another rtmemd runs on %s: stop it, or choose another --runtime-dir",
			directory);
	else
		log_error("can't lock %s/lock: %s", directory, strerror(-r));
	return r;
}

static int bind_open(const char *path, int type) {
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int on = 1;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* before anybody can write: a message that was sent too early would come from nobody */
	if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	receive_refuse_descriptors(fd);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int runtime_bind(const char *path, int type) {
	int fd = bind_open(path, type);

	if (fd < 0)
		log_error("can't listen on %s: %s", path, strerror(-fd));
	return fd;
}
