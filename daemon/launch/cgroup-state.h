/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CGROUP_STATE_H
#define RTMEM_DAEMON_CGROUP_STATE_H

/* What was seen of a process's control group. All zero is a good start. */
#include <stdbool.h>
#include <stdint.h>

struct cgroup_state {
	bool looked; /* since the launch, the adoption or the last change */
	bool used; /* the process is in its group */
	bool memory_valid; /* of the values below, as the kernel has them */
	uint64_t min_bytes;
	uint64_t low_bytes;
	uint64_t max_bytes; /* BYTES_UNLIMITED = none */
	uint64_t guarded_bytes; /* of memory.min: what the groups above protect, too */
	char *problem; /* what couldn't be written, and why; or NULL */
	const char *reason; /* why what the policy asks isn't to be had on this machine; or NULL */
};

#endif
