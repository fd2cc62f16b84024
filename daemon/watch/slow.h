/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SLOW_H
#define RTMEM_DAEMON_SLOW_H

/* What costs more than a sample may, and is looked at when there's a reason: how deep stacks were used,
 * and which processes stem from this one. */
#include "daemon/life/process.h"

/* Bytes of stacks that are searched; about 0.2 ms for each MiB */
#define SLOW_BUDGET_ROUND 4194304u /* of one process in the slow round */
#define SLOW_BUDGET_READY 33554432u
#define SLOW_BUDGET_NAMED 16777216u /* for who asks about one process */
#define SLOW_BUDGET_ALL	  2097152u /* for who asks about all: anybody may, ten times per second */
#define SLOW_TURNS_MAX	  64u /* processes in one answer about all: 50 us each, however small */

/** The slow round: only what the policy judges. */
void slow_look(struct process *p);
/** Becoming ready. */
void slow_look_ready(struct process *p);
struct manager;
/** Who stems from p, for a status that shows it. */
void slow_look_children(struct process *p);
/** How deep stacks were used: of one that somebody asks about, or of some, in turns. */
void slow_look_named(struct process *p);
void slow_look_all(struct manager *m);

#endif
