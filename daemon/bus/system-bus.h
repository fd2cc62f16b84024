/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SYSTEM_BUS_H
#define RTMEM_DAEMON_SYSTEM_BUS_H

/* org.rtmem1 on the system bus: now, or when there is one. */
#include "daemon/manager.h"

/** Joins, waits for the bus to come up, or does nothing if it's there or waited for already. Never waits
 *  itself; what stands in the way is only worth a line: the private socket serves all the same. */
void system_bus_join(struct manager *m);
void system_bus_done(struct manager *m);

#endif
