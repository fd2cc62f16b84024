/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a user may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/bus/budget.h"

#define SECOND 1000000ull
#define START  (7 * SECOND)

static void who_is_new_has_all_of_it(void **state) {
	struct budgets b = { .n_items = 0 };

	assert_int_equal(budgets_find(&b, 1, START)->left_usec, BUDGET_MAX_USEC);
	assert_int_equal(budget_wait_usec(budgets_find(&b, 1, START)), 0);
}

static void the_last_answer_may_cost_more_than_is_left(void **state) {
	struct budgets b = { .n_items = 0 };
	struct budget *mine = budgets_find(&b, 1, START);
	uint64_t wait;

	budget_charge(mine, BUDGET_MAX_USEC - 1);
	assert_int_equal(budget_wait_usec(mine), 0);
	budget_charge(mine, SECOND);
	wait = budget_wait_usec(mine);
	assert_true(wait > 10 * SECOND - 1000000 / BUDGET_PER_SECOND);
	assert_int_equal(budget_wait_usec(budgets_find(&b, 1, START + wait)), 0);
	assert_true(budget_wait_usec(budgets_find(&b, 2, START)) == 0);
}

static void it_fills_with_time_also_in_small_steps(void **state) {
	struct budgets b = { .n_items = 0 };
	struct budget *mine = budgets_find(&b, 1, START);

	budget_charge(mine, 2 * BUDGET_MAX_USEC);
	for (uint64_t now = START; now <= START + SECOND; now += 3)
		mine = budgets_find(&b, 1, now);
	assert_in_range(
		mine->left_usec + BUDGET_MAX_USEC, BUDGET_PER_SECOND * 6 / 10, BUDGET_PER_SECOND);
	assert_int_equal(budgets_find(&b, 1, START + 100000 * SECOND)->left_usec, BUDGET_MAX_USEC);
}

static void a_clock_that_stands_still_gives_nothing(void **state) {
	struct budgets b = { .n_items = 0 };

	budget_charge(budgets_find(&b, 1, START), 1000);
	assert_int_equal(budgets_find(&b, 1, START)->left_usec, BUDGET_MAX_USEC - 1000);
	assert_int_equal(budgets_find(&b, 1, START - 5)->left_usec, BUDGET_MAX_USEC - 1000);
}

static void in_a_full_table_the_oldest_makes_way(void **state) {
	struct budgets b = { .n_items = 0 };

	for (uid_t uid = 0; uid < BUDGETS_MAX; uid++)
		budget_charge(budgets_find(&b, uid, START + uid * SECOND), BUDGET_MAX_USEC * 100);
	budgets_find(&b, BUDGETS_MAX, START + 100 * SECOND);
	assert_int_equal(b.n_items, BUDGETS_MAX);
	assert_int_not_equal(budget_wait_usec(budgets_find(&b, 1, START + 100 * SECOND)), 0);
	assert_int_equal(b.items[0].uid, BUDGETS_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_new_has_all_of_it),
		cmocka_unit_test(the_last_answer_may_cost_more_than_is_left),
		cmocka_unit_test(it_fills_with_time_also_in_small_steps),
		cmocka_unit_test(a_clock_that_stands_still_gives_nothing),
		cmocka_unit_test(in_a_full_table_the_oldest_makes_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
