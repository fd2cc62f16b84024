/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CHILDREN_H
#define RTMEM_DAEMON_CHILDREN_H

/* The processes that a managed process has made, and those that they have made. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILDREN_MAX   64
#define CHILD_NAME_MAX 16

struct child {
	pid_t pid;
	char name[CHILD_NAME_MAX];
	uint64_t locked_bytes;
	bool young; /* born within the last second: may be about to be locked */
};

struct children {
	struct child *items;
	size_t n_items;
	bool more; /* there are others beside these */
};

void children_done(struct children *c);
/** Walks down from pid, CHILDREN_MAX processes at most. */
void children_look(struct children *c, pid_t pid);
/** The first that has nothing locked and had time to, NULL if there's none. */
const struct child *children_unlocked(const struct children *c);

#endif
