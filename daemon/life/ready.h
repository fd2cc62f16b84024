/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_READY_H
#define RTMEM_DAEMON_READY_H

/* From the launch to `ready`: notify, settle or exec, each bounded by ready.timeout. */
#include "daemon/life/process.h"

/** Starts the timers of a new run. 0 or -errno. */
int ready_begin(struct process *p);
/** A changed policy gives another time: counted from now, unless it's over already. */
void ready_timeout_changed(struct process *p);
/** libinit reported, or the program was seen to run without it. */
void ready_program_runs(struct process *p);
/** READY=1 came from the main process. */
void ready_notified(struct process *p);
/** Pure: until when to wait for ready, once EXTEND_TIMEOUT_USEC was said. Never sooner than before; an
 *  hour from now at most, which a program that says so again can go beyond. */
uint64_t ready_deadline(uint64_t present_usec, uint64_t now_usec, uint64_t extend_usec);
/** EXTEND_TIMEOUT_USEC came from the main process. */
void ready_extend(struct process *p, uint64_t usec);
/** The second lock (balanced) is done. */
void ready_locked(struct process *p);
/** Nothing more will come over the report socket. */
void ready_socket_closed(struct process *p);

/* Actions of the state table */
void ready_prepare(struct process *p);
void ready_reached(struct process *p);

/** It was ready when an earlier rtmemd watched it: judged from now on, its counts are taken over. */
void ready_resumed(struct process *p);

#endif
