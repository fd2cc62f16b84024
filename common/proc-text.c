/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* By plain read(2) into the caller's buffer, because stdio would allocate. */
#include "common/proc-text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

ssize_t proc_read(const char *path, char *buf, size_t size) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (used < size - 1) {
		ssize_t n = read(fd, buf + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
	return (ssize_t)used;
}

const char *proc_line(const char *text, const char *key) {
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] && strchr(": \t", line[len]))
			return line + len + 1;
	}
	return NULL;
}

bool proc_field(const char *text, const char *key, uint64_t *ret) {
	const char *value = proc_line(text, key);
	char *end;
	uint64_t n;

	if (!value)
		return false;
	n = strtoull(value, &end, 10);
	if (end == value)
		return false;
	*ret = strncmp(end, " kB", 3) == 0 ? n << 10 : n;
	return true;
}
