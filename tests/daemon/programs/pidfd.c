/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into rtmemd under a valgrind that doesn't know pidfd_open() yet: asks a helper outside,
 * which sends the descriptor. Every other system call goes on to libc.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

long syscall(long number, ...);

static int ask(int server, int pid) {
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	int fd;

	if (send(server, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid) ||
		recvmsg(server, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_RIGHTS) {
		errno = ESRCH;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int open_elsewhere(int pid) {
	const char *path = getenv("RTMEM_TEST_PIDFD");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd = -1;

	if (server < 0 || !path || strlen(path) >= sizeof(address.sun_path))
		abort();
	memcpy(address.sun_path, path, strlen(path));
	if (connect(server, (struct sockaddr *)&address, sizeof(address)) == 0)
		fd = ask(server, pid);
	close(server);
	return fd;
}

long syscall(long number, ...) {
	static long (*next)(long, ...);
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_pidfd_open)
		return open_elsewhere((int)a[0]);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
