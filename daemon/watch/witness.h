/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_WITNESS_H
#define RTMEM_DAEMON_WITNESS_H

/*
 * The second witness: what the kernel says about forks and programs executed, whether or not there's a
 * library of ours inside. Its records come with those of the faults (daemon/rings), from ready on; the
 * file that is being run is compared beside that, for before and where perf is refused.
 */
#include "daemon/life/process.h"
#include "daemon/watch/rings.h"

/** Takes the file that it runs now for the one that was prepared. */
void witness_begin(struct process *p);
/** Does it run another file? */
void witness_look(struct process *p);
/** A record of a fork or an execve. */
void witness_record(struct process *p, const struct ring_record *record);

#endif
