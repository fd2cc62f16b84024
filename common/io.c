/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

static ssize_t read_retry(int fd, void *buf, size_t len) {
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int read_file_fd(int fd, size_t max, char **ret_text, size_t *ret_len) {
	_cleanup_free_ char *text = NULL;
	size_t size = 0, used = 0;

	for (;;) {
		ssize_t n;

		if (size - used < 2) {
			char *grown;

			size = size ? size * 2 : 4096;
			grown = realloc(text, size);
			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read_retry(fd, text + used, size - used - 1);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
	}
	text[used] = '\0';
	*ret_text = TAKE(text);
	if (ret_len)
		*ret_len = used;
	return 0;
}

int read_file(const char *path, size_t max, char **ret_text, size_t *ret_len) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return read_file_fd(fd, max, ret_text, ret_len);
}

int read_line_file(const char *path, char *buf, size_t size) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_retry(fd, buf, size - 1);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int write_line_file(const char *path, const char *text) {
	/* the kernel's files ignore O_TRUNC; those of a captured tree need it */
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int write_all(int fd, const void *buf, size_t len) {
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int write_file_atomic(const char *path, const char *text, mode_t mode) {
	char temporary[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	r = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, mode) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(temporary);
	return r;
}
