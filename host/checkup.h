/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_CHECKUP_H
#define RTMEM_HOST_CHECKUP_H

/* What `rtmemctl doctor` looks at: one process, or what a program started by the caller would meet. */
#include <stdbool.h>
#include <sys/types.h>

#include "common/lock-facts.h"
#include "host/process.h"

#define CHECKUP_TRIAL_BYTES (16u << 20) /* locked by a child, to see whether it works */

struct checkup_facts {
	pid_t pid; /* 0 = nobody's: what a program started by the caller would meet */
	struct lock_facts lock;
	bool tried; /* a child has tried to lock; lock.d.error says how that ended */
	struct process_memory memory; /* of pid */
	struct fault_count faults;
	bool prepared; /* the library of rtmem is mapped by pid */
	bool prepared_known;
	/* of the machine; -1 = not known, or not there */
	int perf_event_paranoid;
	int perf_error; /* of a trial; 0 = faults can be counted */
	int realtime_error; /* of a trial with SCHED_FIFO 1 */
	int locked_pages_move; /* vm.compact_unevictable_allowed */
	int realtime_share_usec; /* kernel.sched_rt_runtime_us; -1 = no throttling */
	bool swap_on;
	char transparent_hugepage[16]; /* "always" ...; "" = the kernel has none */
};

/** pid 0: the caller's own rights, with trials in a child. -ESRCH, -EACCES, -ENOMEM. */
int checkup_read(pid_t pid, struct checkup_facts *ret);

#endif
