/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_END_H
#define RTMEM_DAEMON_END_H

/* How runs end: asked by us, or by themselves. */
#include "daemon/life/process.h"

/** Watches the pidfd; works for children and for adopted processes. */
int end_watch(struct process *p, struct run *r);
/** sig to the tree now (SIGABRT: to the main process alone), SIGKILL to what's still there after
 *  stop.timeout. */
void end_begin(struct process *p, int sig);
/** Adopted while it was being stopped: SIGKILL when p->kill_at_usec comes. */
void end_continue(struct process *p);
/** Waits for restart.delay, then feeds EVENT_DELAY_OVER. */
void end_delay(struct process *p);
/** The rest of a delay that an earlier rtmemd began: until delay_until_usec. */
void end_delay_continue(struct process *p);
/** The same, when the main process has ended and others haven't. */
void end_clear(struct process *p);
/** Nothing is left that has to go: decides what follows. May free p. */
void end_concluded(struct process *p);
/** The main process has ended, or never began (cause EXIT_CAUSE_NO_LAUNCH): forgets it and decides what follows.
 *  May free p. */
void end_reached(struct process *p, enum exit_cause cause);
/** The same for a run that ended while no rtmemd was there. */
void end_decide(struct process *p, enum exit_cause cause, uint64_t run_usec);
/** What an exit was, in words, and what it counts as. error: why the status isn't known, -errno. */
enum exit_cause end_describe(int error, int status, char *buf, size_t size);

#endif
