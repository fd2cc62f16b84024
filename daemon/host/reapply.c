/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first time at once; if it doesn't last, after 10 s, 20 s ... each time twice as long, so that two
 * programs that disagree don't spend the machine's time on it. An hour of peace makes it forgotten.
 */
#include "daemon/host/reapply.h"

#define SECOND_USEC    UINT64_C(1000000)
#define FIRST_WAIT     (10 * SECOND_USEC)
#define FORGOTTEN_USEC (3600 * SECOND_USEC)

enum reapply_decision reapply_decide(struct reapply_history *h, uint64_t now_usec) {
	if (h->gave_up)
		return REAPPLY_WAIT;
	if (h->n > 0 && now_usec - h->last_usec >= FORGOTTEN_USEC)
		*h = (struct reapply_history){ .n = 0 };
	if (now_usec < h->due_usec)
		return REAPPLY_WAIT;
	if (h->n == REAPPLY_MAX) {
		h->gave_up = true;
		return REAPPLY_GIVE_UP;
	}
	h->last_usec = now_usec;
	h->due_usec = now_usec + (FIRST_WAIT << h->n);
	h->n++;
	return REAPPLY_NOW;
}
