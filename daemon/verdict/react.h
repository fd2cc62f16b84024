/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REACT_H
#define RTMEM_DAEMON_REACT_H

/* What follows a verdict: the journal hears of what is new, and on_violation acts. */
#include "daemon/manager.h"

/** Judges p on its last readings; tells, and restarts or stops it where the policy says so. */
void react_judge(struct process *p);
/** The run is over: findings go, except for the reason of a failure. */
void react_stopped(struct process *p);
/** Takes over new readings of the machine's settings; tells what changed. */
void react_host(struct manager *m, struct settings *host);

#endif
