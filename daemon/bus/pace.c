/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket that fills evenly. Fractions aren't lost: the time of the last whole one is kept, not of the call. */
#include "daemon/bus/pace.h"

#define GAP_USEC (1000000u / PACE_PER_SECOND)

void pace_earn(struct pace *p, uint64_t now_usec) {
	uint64_t n = now_usec < p->earned_usec ? 0 : (now_usec - p->earned_usec) / GAP_USEC;

	if (p->earned_usec == 0 || n >= PACE_KEPT_MAX - p->left) {
		p->left = PACE_KEPT_MAX;
		p->earned_usec = now_usec;
		return;
	}
	p->left += (uint32_t)n;
	p->earned_usec += n * GAP_USEC;
}

bool pace_spend(struct pace *p) {
	if (p->left == 0)
		return false;
	p->left--;
	return true;
}
