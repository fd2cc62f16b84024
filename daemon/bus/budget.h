/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_BUDGET_H
#define RTMEM_DAEMON_BUDGET_H

/*
 * What one user may cost: processor time of the loop that answers his questions. It fills up at a tenth of a
 * processor, and who has used it up waits, so that nobody's questions keep rtmemd from its programs.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BUDGET_MAX_USEC	   INT64_C(300000) /* some large answers at once */
#define BUDGET_PER_SECOND  100000 /* usec */
#define BUDGET_ENOUGH_USEC 20000 /* who has waited goes on with this much, not with each drop */
#define BUDGETS_MAX	   64

struct budget {
	uid_t uid;
	int64_t left_usec; /* negative: the last answer cost more than was there */
	uint64_t seen_usec; /* when it was as above */
};

struct budgets {
	struct budget items[BUDGETS_MAX];
	size_t n_items;
};

/** Of this user, filled up to now. Never NULL: in a full table the one that was seen longest ago makes way. */
struct budget *budgets_find(struct budgets *b, uid_t uid, uint64_t now_usec);
void budget_charge(struct budget *b, uint64_t cost_usec);
/** 0: go on; else how long to wait. */
uint64_t budget_wait_usec(const struct budget *b);

#endif
