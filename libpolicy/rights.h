/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_RIGHTS_H
#define RTMEM_LIBPOLICY_RIGHTS_H

/* What the launcher may do and what the program will be allowed: told before anything is started. */
#include "libpolicy/launch.h"

/** Capabilities that the program will hold after execve(): root's, its file's, or the ambient set. */
uint64_t rights_of_program(const struct process_policy *p, const struct launch_facts *f);

/** "give the program ...": how this program comes by CAP_IPC_LOCK. */
const char *rights_way_to_ipc_lock(const struct launch_facts *f);

/** True when setting both limits of this resource to value is within the launcher's rights. */
bool rights_allow_limit(const struct launch_facts *f, int resource, uint64_t value);

/** The capability under which this limit doesn't bind its holder, -1 if there is none. */
int rights_capability_over_limit(int resource);

/** Looks for what can't work. 0, or -EPERM with `problem` (the first one found). */
int rights_check(const struct process_policy *p, const struct launch_facts *f,
	struct launch_problem *problem);

/** Formats a limit in its own unit: bytes with a suffix, counts plain, "unlimited". */
const char *limit_format(int resource, uint64_t value, char buf[static UNITS_TEXT_MAX]);

/** Fills in the problem; returns error, so that a check ends in `return launch_refuse(...)`. */
int launch_refuse(struct launch_problem *problem, int error, const char *key, const char *format,
	...) __attribute__((format(printf, 4, 5)));

#endif
