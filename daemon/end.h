/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_END_H
#define RTMEM_DAEMON_END_H

/* How runs end: asked by us, or by themselves. */
#include "daemon/process.h"

/** Watches the pidfd; works for children and for adopted processes. */
int end_watch(struct process *p, struct run *r);
/** sig to the process group now, SIGKILL if it's still there after stop.timeout. */
void end_begin(struct process *p, int sig);
/** Waits for restart.delay, then feeds EVENT_DELAY_OVER. */
void end_delay(struct process *p);
/** The run is over, or never began (cause EXIT_CAUSE_NO_LAUNCH): forgets it and decides what follows.
 *  May free p. */
void end_reached(struct process *p, enum exit_cause cause);

#endif
