/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_NOTIFY_H
#define RTMEM_DAEMON_NOTIFY_H

/* The NOTIFY_SOCKET of managed processes. */
#include "daemon/manager.h"

/** Binds RUNTIME_DIR/notify and listens. 0 or -errno, logged. */
int notify_init(struct manager *m);
void notify_done(struct manager *m);

#endif
