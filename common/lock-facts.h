/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_LOCK_FACTS_H
#define RTMEM_COMMON_LOCK_FACTS_H

/* What stands around a lock of memory by some process: for diagnose(). Read from /proc, where no right
 * over the process is needed for it. */
#include <sys/types.h>

#include "common/diagnose.h"

#define LOCK_FACTS_PATH_MAX 512

struct lock_facts {
	struct diagnose_facts d; /* cgroup_path points to the next */
	char cgroup_path[LOCK_FACTS_PATH_MAX];
};

/** Facts about the process; what can't be read accuses nobody. Don't copy it. -ESRCH when there's none. */
int lock_facts_read(pid_t pid, struct lock_facts *ret);
/** "Max locked memory" and the like, from /proc/PID/limits; BYTES_UNLIMITED also when it can't be read. */
uint64_t lock_facts_limit(pid_t pid, const char *name, bool hard);

#endif
