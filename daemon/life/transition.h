/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_TRANSITION_H
#define RTMEM_DAEMON_TRANSITION_H

/* A change of state, told: one line in the log, one signal on the bus. */
#include "daemon/life/process.h"

/** p->state is the new one already. */
void transition_tell(struct process *p, enum process_state old, enum process_event event);

#endif
