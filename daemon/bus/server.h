/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SERVER_H
#define RTMEM_DAEMON_SERVER_H

/* Where clients come in: the private socket. (The system bus: system-bus.c) */
#include <sys/types.h>

#include "daemon/bus/rights.h"
#include "daemon/manager.h"

/** Listens on RUNTIME_DIR/bus. 0 or -errno, logged. */
int server_init(struct manager *m);
void server_done(struct manager *m);
/** Who sent this call. 0 or -errno. */
int server_caller(const struct manager *m, sd_bus_message *call, struct caller *ret);

/** Is anybody there who would hear a signal? */
bool server_has_listeners(const struct manager *m);
/** Calls fn with each connection. */
void server_each_bus(struct manager *m, void (*fn)(sd_bus *bus, void *userdata), void *userdata);
/** Hangs up on those who don't read what they're told. Not from within a method. */
void server_drop_deaf(struct manager *m);

#endif
