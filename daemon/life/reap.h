/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REAP_H
#define RTMEM_DAEMON_REAP_H

/* Orphans of managed processes come to us, and are collected when they end. */
#include "daemon/manager.h"

/** Makes rtmemd a subreaper. 0 or -errno. */
int reap_init(struct manager *m);
/** Some may wait to be collected: looks once what is going on has been dealt with. */
void reap_schedule(struct manager *m);
void reap_done(struct manager *m);

#endif
