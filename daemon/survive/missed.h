/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_MISSED_H
#define RTMEM_DAEMON_MISSED_H

/* What goes on for a process that isn't there when rtmemd comes again. */
#include "daemon/survive/record.h"
#include "daemon/survive/store.h"

/** Its record names one that has ended meanwhile. False: it's to be started as if it hadn't run. */
bool missed_end(struct process *p, const struct record *record, const struct kept *kept);
/** Its record names none. False: it's to be started. */
bool missed_nothing(struct process *p, const struct record *record);

#endif
