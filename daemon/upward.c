/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As sd_notify() does it, but for one thing: that waits as long as the other side doesn't read. Processes
 * under watch depend on us, so a manager that is stopped or busy costs us a moment and no more; what it
 * has to know is said again later by whoever said it.
 */
#include "daemon/upward.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"

#define TEXT_MAX_BYTES 1024
#define PATIENCE_MSEC  100

bool upward_is_wanted(void) {
	const char *path = secure_getenv("NOTIFY_SOCKET");

	return path && *path;
}

static int connect_manager(void) {
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;

	if (fd < 0)
		return -errno;
	if (length < 2 || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (*path == '@') /* an abstract name */
		address.sun_path[0] = '\0';
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int send_patiently(int manager, const struct msghdr *message) {
	struct pollfd p = { .fd = manager, .events = POLLOUT };

	if (sendmsg(manager, message, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EAGAIN && poll(&p, 1, PATIENCE_MSEC) > 0 &&
		sendmsg(manager, message, MSG_NOSIGNAL) >= 0)
		return 0;
	return -errno;
}

int upward_send(const char *text, const int *fds, size_t n_fds) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * UPWARD_FDS_MAX)];
	} control = { .header = { .cmsg_len = 0 } };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	_cleanup_close_ int manager = -1;

	if (!upward_is_wanted())
		return 0;
	manager = connect_manager();
	if (manager < 0)
		return manager;
	if (n_fds > 0) {
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	return send_patiently(manager, &message);
}

int upward_tell(const char *format, ...) {
	char text[TEXT_MAX_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return upward_send(text, NULL, 0);
}
