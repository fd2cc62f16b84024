/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket that leaks the other way: it fills with time, and answers empty it. */
#include "daemon/bus/budget.h"

#define USEC_PER_SECOND 1000000u

static void fill(struct budget *b, uint64_t now_usec) {
	uint64_t passed = now_usec > b->seen_usec ? now_usec - b->seen_usec : 0;
	int64_t gained = passed >= 3600ull * USEC_PER_SECOND
		? BUDGET_MAX_USEC * 2
		: (int64_t)(passed * BUDGET_PER_SECOND / USEC_PER_SECOND);

	if (gained == 0)
		return; /* a fraction isn't lost */
	b->seen_usec = now_usec;
	b->left_usec += gained;
	if (b->left_usec > BUDGET_MAX_USEC || passed >= 3600ull * USEC_PER_SECOND)
		b->left_usec = BUDGET_MAX_USEC;
}

struct budget *budgets_find(struct budgets *b, uid_t uid, uint64_t now_usec) {
	struct budget *oldest = &b->items[0];

	for (size_t i = 0; i < b->n_items; i++) {
		if (b->items[i].uid == uid) {
			fill(&b->items[i], now_usec);
			return &b->items[i];
		}
		if (b->items[i].seen_usec < oldest->seen_usec)
			oldest = &b->items[i];
	}
	if (b->n_items < BUDGETS_MAX)
		oldest = &b->items[b->n_items++];
	*oldest = (struct budget){
		.uid = uid, .left_usec = BUDGET_MAX_USEC, .seen_usec = now_usec
	};
	return oldest;
}

void budget_charge(struct budget *b, uint64_t cost_usec) {
	b->left_usec -= cost_usec > INT32_MAX ? INT32_MAX : (int64_t)cost_usec;
}

uint64_t budget_wait_usec(const struct budget *b) {
	if (b->left_usec > 0)
		return 0;
	return (uint64_t)(BUDGET_ENOUGH_USEC - b->left_usec) * USEC_PER_SECOND / BUDGET_PER_SECOND;
}
