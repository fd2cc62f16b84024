/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_PACE_H
#define RTMEM_DAEMON_PACE_H

/*
 * How many full readings of processes the daemon affords: so many per second, however many processes there
 * are and however often they're judged. What isn't spent is kept for a while. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#define PACE_PER_SECOND 256u /* at 10 us: a quarter of a percent of a core */
#define PACE_KEPT_MAX	512u

struct pace {
	uint64_t earned_usec; /* when the last one was earned */
	uint32_t left;
};

/** Time has passed. The first call gives all that may be kept. */
void pace_earn(struct pace *p, uint64_t now_usec);
/** Takes one; false when there's none left. */
bool pace_spend(struct pace *p);

#endif
