/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tracefs is mounted on most machines, at one of two places, and not at all in a container or on a small
 * system. Where we may, it's opened then without mounting it for anybody to see: a mount that exists only
 * as a descriptor, and only for the look-up. Nothing is written to it: events are perf's.
 */
#include "daemon/watch/tracepoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"

#define FORMAT_MAX_BYTES 8192

static int open_unmounted(void) {
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int open_tracefs(void) {
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && faccessat(fd, "events", F_OK, 0) == 0)
			return fd;
		(void)close_fd(fd);
	}
	return open_unmounted();
}

static int read_below(int tracefs, const char *event, const char *file, char **ret) {
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/events/%s/%s", tracefs, event, file);
	return read_file(path, FORMAT_MAX_BYTES, ret, NULL);
}

int tracepoint_parse(const char *format, const char *field, size_t *ret_offset) {
	char wanted[80];
	const char *line, *offset;
	char *end;

	snprintf(wanted, sizeof(wanted), "field:%s;", field);
	line = strstr(format, wanted);
	offset = line ? strstr(line, "offset:") : NULL;
	if (!offset || (strchr(line, '\n') && strchr(line, '\n') < offset))
		return -EBADMSG;
	*ret_offset = strtoul(offset + strlen("offset:"), &end, 10);
	return *end == ';' ? 0 : -EBADMSG;
}

int tracepoint_find(const char *event, const char *field, struct tracepoint *ret) {
	_cleanup_close_ int tracefs = open_tracefs();
	_cleanup_free_ char *id = NULL, *format = NULL;
	int r = tracefs < 0 ? tracefs : 0;

	if (r == 0)
		r = read_below(tracefs, event, "id", &id);
	if (r == 0)
		r = read_below(tracefs, event, "format", &format);
	if (r < 0 || !id || !format)
		return r < 0 ? r : -EIO;
	id[strcspn(id, "\n")] = '\0';
	r = parse_u64(id, &ret->id);
	if (r == 0)
		r = tracepoint_parse(format, "long id", &ret->number_at);
	if (r == 0)
		r = tracepoint_parse(format, field, &ret->values_at);
	return r;
}
