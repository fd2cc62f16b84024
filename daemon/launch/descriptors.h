/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_DESCRIPTORS_H
#define RTMEM_DAEMON_DESCRIPTORS_H

/* How many descriptors rtmemd may have, and for whom. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

struct descriptors {
	struct rlimit given; /* as we were started with: our children's */
	bool raised; /* ours is the hard limit */
};

enum descriptors_use {
	DESCRIPTORS_DAEMON, /* all that there are */
	DESCRIPTORS_PROCESS, /* what a launch may take: something is left for clients and readings */
	DESCRIPTORS_CHILD, /* what a child begins with */
};

void descriptors_init(struct descriptors *d);
/** Switches the limit, for what follows. */
void descriptors_use(const struct descriptors *d, enum descriptors_use use);
/** How many there may be for processes. SIZE_MAX: no limit. */
size_t descriptors_for_processes(const struct descriptors *d);
/** How many so many processes take on a machine with so many CPUs. */
size_t descriptors_needed(size_t n_processes, size_t n_cpus);
/** Warns when they don't suffice. */
void descriptors_expect(const struct descriptors *d, size_t n_processes, size_t n_cpus);

#endif
