/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_OUTPUT_H
#define RTMEM_DAEMON_OUTPUT_H

/* Looks after the files that managed processes write to, and has them rotated. A thread of its own does:
 * a file may lie where somebody else lets us wait. */
#include "libpolicy/launch.h"
#include "libpolicy/policy.h"

struct outputs;

/** Before rtmemd gives up rights, which the thread keeps. It calls prepare(userdata) first. -errno: nothing
 *  is rotated. */
int outputs_new(int (*prepare)(void *userdata), void *userdata, struct outputs **ret);
/** Ends the thread; a rotation that is going on ends by itself. NULL is fine. Returns NULL. */
struct outputs *outputs_free(struct outputs *o);

/** Looks after the files of this policy from now on, instead of those that it had before. facts: whose
 *  rights count; NULL = those that are known. NULL as `o` is fine. */
void outputs_set(
	struct outputs *o, const struct process_policy *p, const struct launch_facts *facts);
void outputs_forget(struct outputs *o, const char *process);
/** Why the last rotation of a file of this process failed, 0 = it didn't; and which file. */
int outputs_problem(struct outputs *o, const char *process, char *path, size_t size);

#endif
