/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_ADOPT_H
#define RTMEM_DAEMON_ADOPT_H

#include "daemon/life/process.h"

/** Takes p over from an earlier rtmemd when it still runs. True when it did. */
bool adopt_process(struct process *p);
/** Once all were asked for: tells of processes that run on without a policy, clears up after others. */
void adopt_finish(struct manager *m);

#endif
