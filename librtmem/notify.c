/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sending side of sd_notify: a datagram of lines to the socket that NOTIFY_SOCKET names. The kernel
 * tells the receiver which process it comes from.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "librtmem/internal.h"

#define MESSAGE_MAX_BYTES 1024
#define WAIT_SECONDS	  5 /* for a manager that doesn't read; then the program goes on */

static int make_address(const char *path, struct sockaddr_un *ret, socklen_t *ret_len) {
	size_t len = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path[0] != '/' && path[0] != '@')
		return -EAFNOSUPPORT;
	if (len < 2 || len >= sizeof(ret->sun_path))
		return -EINVAL;
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	/* a path is terminated, an abstract name isn't */
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
	return 0;
}

static int open_patient(void) {
	const struct timeval patience = { .tv_sec = WAIT_SECONDS };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

int send_message(int fd, const char *path, const char *text, size_t len) {
	_cleanup_close_ int own_fd = -1;
	struct sockaddr_un address;
	socklen_t address_len;
	int flags = MSG_NOSIGNAL | (fd < 0 ? 0 : MSG_DONTWAIT);
	int r = make_address(path, &address, &address_len);
	ssize_t n;

	if (r < 0)
		return r;
	if (fd < 0) {
		own_fd = open_patient();
		if (own_fd < 0)
			return own_fd;
		fd = own_fd;
	}
	do
		n = sendto(fd, text, len, flags, (const struct sockaddr *)&address, address_len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Lines end at a newline: text of the program can't add any. */
static void append_line(char message[static MESSAGE_MAX_BYTES], const char *key, const char *text) {
	size_t used = strlen(message), start = used + strlen(key);

	(void)snprintf(message + used, MESSAGE_MAX_BYTES - used, "%s%s", key, text);
	for (char *c = message + start; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	used = strlen(message);
	if (used + 1 < MESSAGE_MAX_BYTES)
		memcpy(message + used, "\n", 2);
}

static int tell(const char *first, const char *status) {
	const char *path = secure_getenv("NOTIFY_SOCKET");
	char message[MESSAGE_MAX_BYTES] = "";
	int r;

	if (!path || !*path)
		return 0;
	strcat(message, first);
	if (status)
		append_line(message, "STATUS=", status);
	r = send_message(-1, path, message, strlen(message));
	return r < 0 ? r : 1;
}

int rtmem_ready(const char *status) {
	(void)rtmem_prepare();
	counters_restart();
	return tell("READY=1\n", status);
}

int rtmem_status(const char *text) {
	return text ? tell("", text) : -EINVAL;
}

/* A manager that doesn't read is no reason for a loop to wait: then this one isn't told. */
int rtmem_alive(void) {
	static const char message[] = "WATCHDOG=1";
	const char *path = secure_getenv("NOTIFY_SOCKET");
	_cleanup_close_ int fd = -1;
	int r;

	if (!path || !*path)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = send_message(fd, path, message, sizeof(message) - 1);
	return r < 0 ? r : 1;
}
