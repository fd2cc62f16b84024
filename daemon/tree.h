/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_TREE_H
#define RTMEM_DAEMON_TREE_H

/* All processes that stem from a managed process, whether or not it's still there itself. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/process.h"

#define TREE_TEXT_MAX 160

struct member {
	pid_t pid;
	uint64_t start_ticks;
	char name[16];
};

struct members {
	struct member *items;
	size_t n_items;
};

void members_done(struct members *m);
/** All of the tree but the main process and what has ended. A list that's cut short by want of memory
 *  is a list all the same: whoever kills looks again. */
void tree_list(const struct process *p, struct members *ret);
/** Is there one? */
bool tree_has_rest(const struct process *p);
/** sig to the main process and all others. SIGKILL reaches those too that are made meanwhile, where
 *  there's a control group; without, whoever wants to be sure looks again. */
void tree_signal(const struct process *p, int sig);
/** sig to the main process alone. */
void tree_signal_main(const struct process *p, int sig);
/** sig to all but the main process. */
void tree_signal_rest(const struct process *p, int sig);
/** "sleep (pid 12), sh (pid 13) and 4 others" */
const char *members_describe(const struct members *m, char buf[static TREE_TEXT_MAX]);
/** A descriptor that gets ready when the first of them has ended (EPOLLIN), or -errno. */
int members_open_one(const struct members *m);

#endif
