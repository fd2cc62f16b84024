/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_PRIVILEGES_H
#define RTMEM_DAEMON_PRIVILEGES_H

/* Which capabilities the threads of rtmemd keep, and why; docs/security.md prints this table. */
#include <stddef.h>
#include <stdint.h>

struct privilege {
	int capability;
	const char *why;
};

/** What watches, listens and judges, in the order of their numbers. */
extern const struct privilege privileges_kept[];
extern const size_t n_privileges_kept;
/** What only the hands use for rtmemd's own work; they keep whatever else there is, for the programs. */
extern const struct privilege privileges_of_hands[];
extern const size_t n_privileges_of_hands;

/** Bit mask: what is kept of these permitted ones. */
uint64_t privileges_choose(uint64_t permitted);
/** Of the calling thread and those that it starts from now on: permitted, effective, inheritable, ambient
 *  and bounding sets. -errno. */
int privileges_drop(void);

#endif
