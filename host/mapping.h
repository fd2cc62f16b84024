/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_MAPPING_H
#define RTMEM_HOST_MAPPING_H

/*
 * Where in a process's address space something lies. Since Linux 6.11 one ioctl answers for one address;
 * before, the list of all mappings is read up to it, under the target's mmap lock: not for every sample.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start, end;
	bool readable, writable;
	bool anonymous; /* no file behind it */
};

/** /proc/PID/maps, close-on-exec; the descriptor or -errno. */
int mapping_open(pid_t pid);
/** The mapping that holds the address. 0; -ENOENT when there is none; -EBADMSG, -errno. */
int mapping_find(int maps_fd, uint64_t address, struct mapping *ret);
/** Of one line of the list. -EBADMSG */
int mapping_parse(const char *line, struct mapping *ret);

#endif
