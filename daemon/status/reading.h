/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_READING_H
#define RTMEM_DAEMON_READING_H

/* What is read of one process at a time. Nothing here takes a target's mmap lock. */
#include "daemon/life/process.h"

enum reading_depth {
	READING_LIGHT, /* counters; memory where something has moved */
	READING_FULL, /* memory in any case */
	READING_THOROUGH, /* limits, scheduler, CPUs and the file that is run too, judged or not */
};

/** Reads p now, into p->run; once in ten seconds thoroughly. */
void reading_take(struct process *p, enum reading_depth depth);

#endif
