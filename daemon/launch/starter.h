/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STARTER_H
#define RTMEM_DAEMON_STARTER_H

/* The thread that starts rtmem-exec; it has all rights, as the hands have, and no open files. */
#include <sys/types.h>

struct hands;
struct starter;

/** What is started. The two descriptors are the caller's, above CHILD_REPORT_FD. */
struct start {
	const char *path;
	const char *const *argv;
	char *const *env;
	int plan_fd; /* becomes CHILD_PLAN_FD */
	int report_fd; /* becomes CHILD_REPORT_FD */
};

/* Numbers in the child. Fixed, so that the same policy always gives the same plan. */
#define CHILD_PLAN_FD	3
#define CHILD_REPORT_FD 4

/** Before the calling thread gives anything up. -errno: the hands have to do. */
int starter_new(struct starter **ret);
struct starter *starter_free(struct starter *s);
/** Has task(userdata) done there; see hands_do(). */
int starter_do(struct starter *s, int (*task)(void *userdata), void *userdata);
/** The child leads a session of its own, with /dev/null to read from; it is a child of this process.
 *  Without a starter the hands do it. -errno. */
int starter_spawn(
	struct starter *s, struct hands *otherwise, const struct start *what, pid_t *ret_pid);

#endif
