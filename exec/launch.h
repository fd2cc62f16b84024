/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_EXEC_LAUNCH_H
#define RTMEM_EXEC_LAUNCH_H

/*
 * One launch in the making: what the steps have gathered so far for the execve() at the end. A step
 * function does its step at once where the kernel keeps the setting over execve(), or collects here
 * what only the new image can have (arguments, environment).
 */
#include <stdbool.h>

#include "common/handoff.h"

struct launch {
	int report_fd; /* socket of the daemon, or -1: started by hand or by `rtmemctl run` */
	int trace_fd; /* socket of the helper that prepares the program by ptrace, or -1 */
	char **argv;
	char **env; /* of the new image */
	char **tunables; /* "glibc.malloc.arena_max=1" ..., merged into env at the end */
	char **settings; /* STEP_ENV_MERGE: separator ('=': none), 'k'eep or 'u'ndo, KEY=VALUE */
	char *library; /* to inject, or NULL */
	char **more_libraries; /* preloaded behind it: an allocator */
	char *init; /* what shall be done inside the program, or NULL */
	char *init_why; /* why it can't be done, or not all of it; or NULL */
	char *file; /* to execute */
	bool go_taken; /* the launcher's byte has been read */
	bool user_left_root; /* ran STEP_USER to an ordinary user */
	bool capabilities_set; /* ran STEP_CAPABILITIES */
	/* Why the step at work failed, and what to change; "" = the errno says it all. */
	char why[480];
};

void launch_done(struct launch *l);
#define _cleanup_launch_ CLEANUP(launch_done)

/** Does the steps of the plan in their order. 0, or a negative errno once a step failed that isn't
 *  optional; the failure has been told by then. */
int launch_walk(struct launch *l, const struct plan *p);

/** Sends an event to the launcher, if there is one that listens. */
void launch_send(const struct launch *l, enum report_kind kind, const char *step, int error,
	const char *text);
/** Says that something was decided in the user's favour, or can't be done to this program. */
void launch_note(const struct launch *l, const char *step, int error, const char *text);
/** Says why the program isn't started: one line on stderr, one report. */
void launch_failed(struct launch *l, const char *step, int error, const char *text);
/** Waits until the launcher has attached its counters. -ECONNRESET when it is gone: told by then. */
int launch_await_go(struct launch *l);

/* Step functions, all alike: 0 or a negative errno, with l->why where more than the errno is known. */
int step_rlimit(struct launch *l, const struct step *s);
int step_oom_score(struct launch *l, const struct step *s);
int step_thp_disable(struct launch *l, const struct step *s);
int step_cgroup(struct launch *l, const struct step *s);
int step_output(struct launch *l, const struct step *s);
int step_umask(struct launch *l, const struct step *s);
int step_directory(struct launch *l, const struct step *s);
int step_affinity(struct launch *l, const struct step *s);
int step_scheduler(struct launch *l, const struct step *s);
int step_nice(struct launch *l, const struct step *s);
int step_groups(struct launch *l, const struct step *s);
int step_user(struct launch *l, const struct step *s);
int step_capabilities(struct launch *l, const struct step *s);
int step_env_clear(struct launch *l, const struct step *s);
int step_env_set(struct launch *l, const struct step *s);
int step_env_unset(struct launch *l, const struct step *s);
int step_trace(struct launch *l, const struct step *s);
int step_env_merge(struct launch *l, const struct step *s);

/** Drops what STEP_USER kept for STEP_CAPABILITIES, which comes next if at all. */
int credentials_finish(struct launch *l);
bool has_capability(int capability);
/** Merges tunables, library and order into the environment. */
int environment_finish(struct launch *l);

/** Closes every descriptor above standard error but these, which it sorts. */
void close_all_but(int *kept, size_t n);

/** Finds the file as execvp() would, in PATH of the new environment. 0 and a malloc'ed path, or
 *  -ENOENT, -EACCES. */
int target_find(const struct launch *l, char **ret_path);

#endif
