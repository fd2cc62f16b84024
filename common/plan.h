/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_PLAN_H
#define RTMEM_COMMON_PLAN_H

/*
 * A plan is the ordered list of things done to a process between its birth and its execve(). It's
 * made by libpolicy (policy x host facts), printed by `rtmemctl plan`, frozen into a memfd by
 * handoff.h and walked by rtmem-exec. A step carries numbers already resolved: no names of users, no
 * look-ups on the other side. Steps run in the order of the list; plan_append() doesn't sort.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

enum step_kind {
	STEP_RLIMIT, /* number[0]=RLIMIT_*, [1]=soft, [2]=hard; BYTES_UNLIMITED = RLIM_INFINITY */
	STEP_OOM_SCORE, /* number[0]=-1000..1000 */
	STEP_THP_DISABLE, /* prctl(PR_SET_THP_DISABLE) */
	STEP_CGROUP, /* text=directory: join by writing cgroup.procs */
	STEP_AFFINITY, /* text=CPU list */
	STEP_SCHEDULER, /* number[0]=SCHED_*, [1]=priority, [2]=nice */
	STEP_NICE, /* number[0]=-20..19 */
	STEP_GROUPS, /* text=comma separated numeric gids; number[0]=primary gid */
	STEP_USER, /* number[0]=uid; keeps what STEP_CAPABILITIES will need */
	STEP_CAPABILITIES, /* number[0]=mask: permitted, inheritable and ambient; all others dropped
			      when the user isn't root */
	STEP_DIRECTORY, /* text=path for chdir() */
	STEP_ENV_CLEAR, /* start from an empty environment */
	STEP_ENV_SET, /* text="KEY=VALUE" */
	STEP_ENV_UNSET, /* text="KEY" */
	STEP_ENV_MERGE, /* text="KEY=VALUE" for the program's allocator or runtime; number[0]=character
			   between it and the user's own, which comes last and wins; 0 = only where
			   the user has none. number[1]=1: read by the program itself, so that it stays
			   in the environment; else the program's children don't get it */
	STEP_TUNABLE, /* text="glibc.malloc.arena_max=1": merged into GLIBC_TUNABLES, the user's wins */
	STEP_PRELOAD, /* text=path, put first in LD_PRELOAD, in the order of the steps */
	STEP_INIT, /* text=order for libinit (init_order_format), put into RTMEM_INIT */
	STEP_ARGUMENT, /* text=one argument, argv[0] first */
	STEP_EXEC, /* text=file; looked up in PATH of the new environment if it has no slash */
	STEP_OUTPUT, /* text="none", "journal:IDENTIFIER" or a file's path; number[0]=bits 1 << 1
			(stdout) and 1 << 2 (stderr), number[1]=uid of the program */
	STEP_UMASK, /* number[0]=mask of permissions */
	STEP_TRACE, /* have a helper prepare the program by ptrace; while all rights are there */
	STEP_KIND_MAX,
};

struct step {
	enum step_kind kind;
	/* A failure of an optional step is reported as a note, and the launch goes on. Used where a
	 * capability makes the setting void anyway (memlock under CAP_IPC_LOCK). */
	bool optional;
	int64_t number[3]; /* STEP_RLIMIT stores uint64_t bit patterns */
	char *text; /* or NULL */
	char *key; /* policy key it comes from, "limits.memlock"; or NULL */
	char *why; /* for optional steps and people: one sentence; or NULL */
};

struct plan {
	struct step *steps;
	size_t n_steps;
};

void plan_done(struct plan *p);
/** Appends and returns a zeroed step of this kind with copies of the texts; NULL = out of memory. */
struct step *plan_append(struct plan *p, enum step_kind kind, const char *key, const char *text);
const char *step_kind_to_string(enum step_kind kind);
/** "rlimit", "scheduler" ... -> kind; -EINVAL */
int step_kind_from_string(const char *name);
/** One line for people, without newline: "RLIMIT_MEMLOCK soft unlimited, hard unlimited". */
const char *step_describe(const struct step *s, char *buf, size_t size);
/** SCHED_FIFO -> "fifo"; NULL when unknown. */
const char *scheduler_to_string(int policy);
/** "memlock" <-> RLIMIT_MEMLOCK; -EINVAL / NULL when unknown. */
int rlimit_from_string(const char *name);
const char *rlimit_to_string(int resource);

#define _cleanup_plan_ CLEANUP(plan_done)

#endif
