/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One question about one address. The structure of the ioctl is spelled out, because the headers that
 * this is built with may be older than the kernel that it runs on.
 */
#include "host/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"

struct query { /* struct procmap_query of linux/fs.h */
	uint64_t size, flags, address;
	uint64_t start, end, permissions, page_size, offset, inode;
	uint32_t device_major, device_minor, name_size, build_id_size;
	uint64_t name_address, build_id_address;
};

#define QUERY	       _IOWR('f', 17, struct query)
#define QUERY_READABLE 0x01u
#define QUERY_WRITABLE 0x02u

int mapping_open(pid_t pid) {
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int mapping_parse(const char *line, struct mapping *ret) {
	char permissions[5];
	uint64_t inode;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %" SCNu64, &ret->start, &ret->end,
		    permissions, &inode) != 4 ||
		ret->start >= ret->end)
		return -EBADMSG;
	ret->readable = permissions[0] == 'r';
	ret->writable = permissions[1] == 'w';
	ret->anonymous = inode == 0;
	return 0;
}

/* The list is in the order of addresses. */
static int search_list(int maps_fd, uint64_t address, struct mapping *ret) {
	_cleanup_fclose_ FILE *list = NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int fd = fcntl(maps_fd, F_DUPFD_CLOEXEC, 0);

	list = fd < 0 ? NULL : fdopen(fd, "re");
	if (!list) {
		int error = errno;

		(void)close_fd(fd);
		return -error;
	}
	if (fseek(list, 0, SEEK_SET) < 0)
		return -errno;
	while (getline(&line, &size, list) > 0) {
		int r = mapping_parse(line, ret);

		if (r < 0)
			return r;
		if (address < ret->end)
			return address >= ret->start ? 0 : -ENOENT;
	}
	return -ENOENT;
}

int mapping_find(int maps_fd, uint64_t address, struct mapping *ret) {
	struct query q = { .size = sizeof(q), .address = address };

	if (ioctl(maps_fd, QUERY, &q) == 0) {
		*ret = (struct mapping){ q.start, q.end, q.permissions & QUERY_READABLE,
			q.permissions & QUERY_WRITABLE, q.inode == 0 };
		return 0;
	}
	if (errno == ENOTTY || errno == EINVAL)
		return search_list(maps_fd, address, ret);
	return -errno;
}
