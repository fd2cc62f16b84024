/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SERVER_H
#define RTMEM_DAEMON_SERVER_H

/* Where clients come in: the private socket, and the system bus where there is one. */
#include <sys/types.h>

#include "daemon/manager.h"

/** Listens on RUNTIME_DIR/bus. 0 or -errno, logged. */
int server_init(struct manager *m);
void server_done(struct manager *m);
/** Tries to take org.rtmem1 on the system bus; failing is only worth a line. */
void server_join_system_bus(struct manager *m);
/** Who sent this call. 0 or -errno. */
int server_caller(const struct manager *m, sd_bus_message *call, uid_t *ret);

/** Signal HostChanged to everybody who listens. */
void server_host_changed(struct manager *m, const struct setting_state *now);

/** Signal StateChanged; also called when only what it waits for or what is wanted changed (old is the
 *  present state). */
void server_state_changed(struct process *p, enum process_state old, enum process_event event);

#endif
