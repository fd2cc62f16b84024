/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REST_H
#define RTMEM_DAEMON_REST_H

/* What is left of a process's tree once its main process has ended. */
#include "daemon/life/process.h"

/** Asks all but the main process to end, whoever wasn't asked before. */
void rest_ask(struct process *p);
/** Waits until the rest has ended, then calls end_concluded(). Who comes up meanwhile
 *  is asked too. */
void rest_await(struct process *p);
/** Tells of those that stay, and watches until they are gone. */
void rest_leave(struct process *p);
/** Forgets what is watched, and who was asked. */
void rest_done(struct rest *r);

#endif
