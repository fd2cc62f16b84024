/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever can write to a local socket can pass descriptors, and the receiver has to close them. That can
 * take long: a file of a FUSE file system asks whoever serves it at each close(), a TCP connection may have
 * been told to linger for an hour, also one that waits within a passed socket.
 *
 * Newer kernels refuse them for us. Under older ones they are never taken: without room for them the kernel
 * drops them before they have a number here, and nobody is asked; and a dropped connection lingers
 * only until a signal comes, so a timer sends some for as long as it takes.
 */
#include "daemon/bus/receive.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PASS_RIGHTS  83 /* SO_PASSRIGHTS of newer headers */
#define NUDGE_NSEC   200000 /* both until the first signal and between them */
#define NUDGE_SIGNAL SIGURG /* ignored unless somebody has a handler */

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

void receive_refuse_descriptors(int fd) {
	int off = 0;

	(void)setsockopt(fd, SOL_SOCKET, PASS_RIGHTS, &off, sizeof(off));
}

static bool are_refused(int fd) {
	int on = 1;
	socklen_t size = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, PASS_RIGHTS, &on, &size) == 0 && !on;
}

static void on_nudge(int sig) {
}

/* An ignored signal wakes nobody: it takes a handler, which interrupts whatever sleeps. */
static int start_nudging(timer_t *ret) {
	const struct sigaction action = { .sa_handler = on_nudge };
	const struct itimerspec often = { { 0, NUDGE_NSEC }, { 0, NUDGE_NSEC } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NUDGE_SIGNAL };
	int r;

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (sigaction(NUDGE_SIGNAL, &action, NULL) < 0 ||
		timer_create(CLOCK_MONOTONIC, &event, ret) < 0)
		return -errno;
	if (timer_settime(*ret, 0, &often, NULL) == 0)
		return 0;
	r = -errno;
	(void)timer_delete(*ret);
	return r;
}

static ssize_t receive_once(int fd, struct msghdr *message) {
	ssize_t n;

	do
		n = recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t receive_nudged(int fd, struct msghdr *message) {
	timer_t timer = NULL;
	ssize_t n;
	int r = start_nudging(&timer);

	if (r < 0)
		return r;
	n = receive_once(fd, message);
	(void)timer_delete(timer);
	return n;
}

static pid_t sender_of(struct msghdr *message) {
	struct ucred credentials = { .pid = 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
	return credentials.pid;
}

ssize_t receive(int fd, void *buf, size_t size, pid_t *ret_pid) {
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (ret_pid) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	n = are_refused(fd) ? receive_once(fd, &message) : receive_nudged(fd, &message);
	if (ret_pid)
		*ret_pid = n < 0 ? 0 : sender_of(&message);
	return n >= 0 && message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}
