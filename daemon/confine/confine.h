/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CONFINE_H
#define RTMEM_DAEMON_CONFINE_H

struct manager;

/** Starts the hands, then gives up what the other threads don't need. -errno when there can't be hands. */
int confine(struct manager *m);

#endif
