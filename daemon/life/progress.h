/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_PROGRESS_H
#define RTMEM_DAEMON_PROGRESS_H

/* A preparation that takes long says how far it is, and is waited for as long as it moves. */
#include "common/handoff.h"
#include "daemon/life/process.h"

/** REPORT_PROGRESS came. */
void progress_told(struct process *p, const struct report *report);
/** The preparation is over. */
void progress_done(struct process *p);

#endif
