/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_BUS_H
#define RTMEM_DAEMON_BUS_H

/* org.rtmem1.Manager: what a client can ask. */
#include "daemon/manager.h"

/** Puts the object on a connection. userdata of the methods is m. */
int bus_add_object(sd_bus *bus, struct manager *m);

#endif
