/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_KIN_H
#define RTMEM_HOST_KIN_H

/* Who a process is and where it comes from: a few fields of /proc/PID/stat, and its environment. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kin {
	pid_t pid;
	char name[16]; /* printable */
	char state; /* as in ps: 'Z' has ended and wasn't collected */
	pid_t parent;
	pid_t session;
	uint32_t n_threads; /* with the main thread, also when that has ended */
	uint64_t start_ticks; /* with the pid, the identity of a process since boot */
};

/** The text of /proc/PID/stat. 0 or -EBADMSG. */
int kin_parse(const char *stat_text, struct kin *ret);
/** -ESRCH when there's no such process (any more). */
int kin_read(pid_t pid, struct kin *ret);
/** Has it ended, but for its entry in the table of processes? */
bool kin_has_ended(const struct kin *k);

/** Is this assignment ("KEY=VALUE") in a block of such, each with its NUL? */
bool environment_has(const char *block, size_t size, const char *assignment);
/** Reads the environment that the process was executed with, as far as it has left it in place. The
 *  block is NUL-terminated besides. 0 or -errno. */
int environment_read(pid_t pid, char **ret_block, size_t *ret_size);

/** Calls fn for each process of the machine; stops at the first non-zero result. */
int kin_each(int (*fn)(pid_t pid, void *userdata), void *userdata);

#endif
