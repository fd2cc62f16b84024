/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RECORDS_H
#define RTMEM_DAEMON_RECORDS_H

/* Whose the kernel's records are. */
struct manager;

/** Takes what the rings hold and gives each record to its process. */
void records_drain(struct manager *m);

#endif
