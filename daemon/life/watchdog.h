/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_WATCHDOG_H
#define RTMEM_DAEMON_WATCHDOG_H

/* Programs that say that they live (`watchdog`), and what happens when they don't. */
#include "daemon/life/process.h"

/** Counts from now, if the policy asks for it. */
void watchdog_begin(struct process *p);
/** WATCHDOG=1 */
void watchdog_alive(struct process *p);
/** WATCHDOG_USEC=: another time from now on, within bounds. */
void watchdog_set(struct process *p, uint64_t usec);
/** WATCHDOG=trigger: the program has found itself to be sick. */
void watchdog_trigger(struct process *p);
/** STOPPING=1: it needn't say anything any more, but has to end within stop.timeout. */
void watchdog_stopping(struct process *p);
/** Pure: what a program may ask for. */
uint64_t watchdog_bound(uint64_t usec);

#endif
