/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REAPPLY_H
#define RTMEM_DAEMON_REAPPLY_H

/* How often a setting that drifts is set again: `host.drift: reapply`. Deciding only. */
#include <stdbool.h>
#include <stdint.h>

#define REAPPLY_MAX 6 /* in a row; then somebody else means it */

/** Of one setting. */
struct reapply_history {
	unsigned n; /* writes in a row */
	uint64_t last_usec;
	uint64_t due_usec; /* not before */
	bool gave_up;
};

enum reapply_decision {
	REAPPLY_WAIT,
	REAPPLY_NOW,
	REAPPLY_GIVE_UP, /* said once */
};

/** The setting isn't as wanted. REAPPLY_NOW counts as done. */
enum reapply_decision reapply_decide(struct reapply_history *h, uint64_t now_usec);

#endif
