/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_FACTS_H
#define RTMEM_HOST_FACTS_H

/* Reads what a launch depends on: this process's rights and limits, the user database, paths.
 * Reading only. */
#include <limits.h>
#include <stdlib.h>

#include "libpolicy/launch.h"

/** Facts plus the memory they point at; don't copy it, `launch` points into the rest. */
struct facts {
	struct launch_facts launch;
	char init_library[PATH_MAX];
	char allocator_library[PATH_MAX];
	char login[64];
	char home[PATH_MAX];
	char shell[PATH_MAX];
	gid_t groups[256];
};

void facts_done(struct facts *f);
#define _cleanup_facts_ CLEANUP(facts_done)

/** Of one on the heap. */
static inline void facts_free(struct facts **f) {
	if (*f)
		facts_done(*f);
	free(*f);
}
#define _cleanup_facts_free_ CLEANUP(facts_free)

/** Fills in everything but notify_socket, report_fd and foreground (set to NULL, -1, false).
 *  An unknown user or group is -ENOENT with `problem`. */
int facts_gather(const struct process_policy *p, struct facts *ret, struct launch_problem *problem);

/** Reads what the program's file says (launch.target): found as rtmem-exec will find it, in the
 *  foreground by the caller's own PATH. facts_gather() has done it once; again after `foreground` was
 *  set. A file that can't be read isn't an error: target_known says so. */
void facts_read_target(const struct process_policy *p, struct facts *f);

/** May the kernel move locked pages on this machine (vm.compact_unevictable_allowed)? Who touches one
 *  meanwhile takes a minor fault. */
bool facts_locked_pages_move(void);

#endif
