/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that notices when it's started twice: it holds a lock for as long as it lives, and leaves a line
 * in `starts` each time it begins, in `doubles` when another one holds the lock already.
 *
 *   lone DIR NAME LIFE     LIFE: ms until it ends with status 3 (it varies by half), or 0: for ever
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int open_in(const char *dir, const char *name, const char *suffix, int flags) {
	char path[512];

	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	return open(path, flags | O_CREAT | O_CLOEXEC, 0666);
}

/* One write, so that lines of several programs don't mix. */
static void leave_line(const char *dir, const char *file, const char *name) {
	int fd = open_in(dir, file, "", O_WRONLY | O_APPEND);
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %d\n", name, (int)getpid());

	if (fd < 0 || write(fd, line, (size_t)n) != n) {
		perror(file);
		exit(1);
	}
	close(fd);
}

static void say_ready(void) {
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	(void)!sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&address, sizeof(address));
	close(fd);
}

static void live(unsigned long ms) {
	struct timespec time;

	while (ms == 0)
		(void)pause();
	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	ms += (unsigned long)time.tv_nsec % ms;
	time = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	(void)nanosleep(&time, NULL);
}

int main(int argc, char *argv[]) {
	int lock;

	if (argc != 4)
		return 2;
	lock = open_in(argv[1], argv[2], ".lock", O_RDWR);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		leave_line(argv[1], "doubles", argv[2]);
	leave_line(argv[1], "starts", argv[2]);
	say_ready();
	live(strtoul(argv[3], NULL, 10));
	return 3;
}
