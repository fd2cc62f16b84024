/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_TREE_H
#define RTMEM_DAEMON_TREE_H

/* All processes that stem from a managed process, whether or not it's still there itself. */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/life/process.h"
#include "daemon/life/rest-state.h"

#define TREE_TEXT_MAX 160

void members_done(struct members *m);
/** All of the tree but the main process and what has ended. A list that's cut short by want of memory
 *  is a list all the same: whoever kills looks again. */
void tree_list(const struct process *p, struct members *ret);
/** Is there one? */
bool tree_has_rest(const struct process *p);
/** sig to the main process, if it's still there. */
void tree_signal_main(const struct process *p, int sig);
/** SIGKILL to the main process and all others. Reaches those too that are made meanwhile, where there's a
 *  control group; without, whoever wants to be sure looks again. */
void tree_kill(struct process *p);
/** sig, and SIGCONT so that it's heard, to those of `all` that aren't among `asked`. */
void members_ask(const struct members *all, const struct members *asked, int sig);
/** "sleep (pid 12), sh (pid 13) and 4 others" */
const char *members_describe(const struct members *m, char buf[static TREE_TEXT_MAX]);
/** A descriptor that gets ready when the first of them has ended (EPOLLIN), or -errno. */
int members_open_one(const struct members *m);

#endif
