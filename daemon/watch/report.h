/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REPORT_H
#define RTMEM_DAEMON_REPORT_H

/* The report socket of a run: what rtmem-exec and libinit have to say (common/handoff.h). */
#include "daemon/life/process.h"

int report_watch(struct process *p);
/** Reads what is there; for the moment when the process has ended. */
void report_drain(struct process *p);
/** HANDOFF_GO or HANDOFF_LOCK. 0 or -errno. */
int report_send_byte(struct process *p, char byte);

#endif
