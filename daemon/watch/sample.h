/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SAMPLE_H
#define RTMEM_DAEMON_SAMPLE_H

/* Readings of processes that are ready. Nothing here takes a target's mmap lock. */
#include "daemon/manager.h"

/** Reads p now; thorough: limits, scheduler and CPUs too, whether or not they're due. */
void sample_process(struct process *p, bool thorough);
/** Reads and judges p now, out of turn. */
void sample_now(struct process *p);
/** Sets the one timer for the earliest process that is due. */
void sample_schedule(struct manager *m);
/** Reads and judges for a client that asks, at most ten times per second. named: what it asks about, NULL =
 *  all; of very many, those whose turn it is are read thoroughly. */
void sample_refresh(struct manager *m, struct process *named);
/** Creates the timer, off. */
int sample_init(struct manager *m);

/** Reads the machine's settings now. */
void sample_refresh_host(struct manager *m);

#endif
