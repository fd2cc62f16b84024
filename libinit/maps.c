/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mappings of this process, in the order of their addresses, without an allocation. Kernels from
 * 6.11 on answer for one address; before, the text of /proc/self/maps is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libinit/guard.h"

/* The kernel's interface (PROCMAP_QUERY); its header may be older than the kernel. */
struct procmap_query {
	uint64_t size, flags, address;
	uint64_t start, end, vma_flags, page_size, offset, inode;
	uint32_t device_major, device_minor;
	uint32_t name_size, build_id_size;
	uint64_t name, build_id;
};

#define QUERY	      _IOWR('f', 17, struct procmap_query)
#define QUERY_OR_NEXT 0x10u
#define VMA_READABLE  0x01u
#define VMA_WRITABLE  0x02u
#define VMA_SHARED    0x08u

int maps_open(struct maps *m) {
	m->as_text = false;
	m->at = m->used = 0;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &m->cancel_state);
	m->fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (m->fd >= 0)
		return 0;
	(void)pthread_setcancelstate(m->cancel_state, NULL);
	return -errno;
}

void maps_close(struct maps *m) {
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
	(void)pthread_setcancelstate(m->cancel_state, NULL);
}

/* "7f00-7f10 rw-p 00000000 00:00 0   [heap]" */
bool maps_parse_line(const char *line, struct mapping *ret) {
	char *p;

	ret->start = strtoul(line, &p, 16);
	if (*p != '-')
		return false;
	ret->end = strtoul(p + 1, &p, 16);
	if (*p != ' ' || strnlen(p, 6) < 6)
		return false;
	ret->readable = p[1] == 'r';
	ret->writable = p[2] == 'w';
	ret->shared = p[4] == 's';
	p += 5;
	for (int field = 0; field < 2 && p; field++) /* offset, device */
		p = strchr(p + 1, ' ');
	if (!p)
		return false;
	ret->anonymous = strtoull(p, NULL, 10) == 0; /* inode */
	return true;
}

/* Moves what is left to the front and reads on. False at the end. */
static bool refill(struct maps *m) {
	ssize_t n;

	memmove(m->buffer, m->buffer + m->at, m->used - m->at);
	m->used -= m->at;
	m->at = 0;
	do
		n = read(m->fd, m->buffer + m->used, sizeof(m->buffer) - 1 - m->used);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	m->used += (size_t)n;
	return true;
}

/* A line begins at m->at; the end of a long one (a file's name) is dropped. */
static bool next_line(struct maps *m, struct mapping *ret) {
	char *end;
	bool parsed;

	while (!(end = memchr(m->buffer + m->at, '\n', m->used - m->at)))
		if (m->used - m->at == sizeof(m->buffer) - 1 || !refill(m))
			break;
	if (!end && m->used == m->at)
		return false;
	m->buffer[end ? (size_t)(end - m->buffer) : m->used] = '\0';
	parsed = maps_parse_line(m->buffer + m->at, ret);
	m->at = end ? (size_t)(end - m->buffer) + 1 : m->used;
	while (!end) {
		m->at = m->used;
		if (!refill(m))
			break;
		end = memchr(m->buffer, '\n', m->used);
		m->at = end ? (size_t)(end - m->buffer) + 1 : m->used;
	}
	return parsed;
}

static bool find_in_text(struct maps *m, uintptr_t address, struct mapping *ret) {
	while (next_line(m, ret))
		if (ret->end > address)
			return true;
	return false;
}

static bool find_by_query(struct maps *m, uintptr_t address, struct mapping *ret) {
	struct procmap_query q = { .size = sizeof(q), .flags = QUERY_OR_NEXT, .address = address };

	if (ioctl(m->fd, QUERY, &q) < 0) {
		m->as_text = errno != ENOENT; /* ENOENT: nothing there or above */
		return false;
	}
	*ret = (struct mapping){
		.start = (uintptr_t)q.start,
		.end = (uintptr_t)q.end,
		.readable = q.vma_flags & VMA_READABLE,
		.writable = q.vma_flags & VMA_WRITABLE,
		.shared = q.vma_flags & VMA_SHARED,
		.anonymous = q.inode == 0,
	};
	return true;
}

bool maps_find(struct maps *m, uintptr_t address, struct mapping *ret) {
	if (!m->as_text && find_by_query(m, address, ret))
		return true;
	return m->as_text && find_in_text(m, address, ret);
}
