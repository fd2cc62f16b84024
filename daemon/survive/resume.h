/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RESUME_H
#define RTMEM_DAEMON_RESUME_H

/* What an earlier rtmemd knew of a run, taken over by the run that was adopted. */
#include "daemon/survive/record.h"

/** Attaches the counters, those that were kept if there are, and goes on counting where the record ends.
 *  p->run is new and otherwise empty. */
void resume_run(struct process *p, const struct record *record, struct kept *kept);
/** What the adoption means for what can be said of the faults. */
const char *resume_describe(const struct process *p, char *buf, size_t size);

#endif
