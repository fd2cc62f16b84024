/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SELF_H
#define RTMEM_DAEMON_SELF_H

/* What rtmemd tells its own service manager, over sd_notify. */
#include "daemon/manager.h"

/** Once the processes are there. From then on, after each turn of the loop in which something changed: STATUS=, and READY=1 once all is decided. */
int self_init(struct manager *m);
/** A process that isn't ready yet moves: our own manager has to wait, too. */
void self_progress(const struct manager *m);
void self_reloading(struct manager *m);
void self_reloaded(struct manager *m);
void self_stopping(struct manager *m);
/** "3 processes: 2 compliant, 1 violating (camera: 12 minor faults)" */
const char *self_describe(const struct manager *m, char *buf, size_t size);

#endif
