/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many full readings are afforded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/bus/pace.h"

#define SECOND 1000000u

static unsigned spend_all(struct pace *p) {
	unsigned n = 0;

	while (pace_spend(p))
		n++;
	return n;
}

static void the_first_round_is_full(void **state) {
	struct pace p = { .left = 0 };

	pace_earn(&p, 5 * SECOND);
	assert_int_equal(spend_all(&p), PACE_KEPT_MAX);
}

static void as_many_as_come_in_a_second_are_always_afforded(void **state) {
	struct pace p = { .left = 0 };
	uint64_t now = SECOND;

	for (unsigned round = 0; round < 100; round++, now += SECOND - 900 + round % 2 * 1800) {
		pace_earn(&p, now);
		for (unsigned i = 0; i < PACE_PER_SECOND - 4; i++)
			assert_true(pace_spend(&p));
	}
}

static void more_than_that_take_turns(void **state) {
	struct pace p = { .left = 0 };
	unsigned n = 0;

	pace_earn(&p, SECOND);
	(void)spend_all(&p);
	for (uint64_t now = 2 * SECOND; now <= 11 * SECOND; now += SECOND) {
		pace_earn(&p, now);
		n += spend_all(&p);
	}
	assert_in_range(n, 10 * PACE_PER_SECOND - 4, 10 * PACE_PER_SECOND + 4);
}

static void short_pauses_earn_as_much_as_long_ones(void **state) {
	struct pace p = { .left = 0 };
	unsigned n = 0;

	pace_earn(&p, SECOND);
	(void)spend_all(&p);
	for (uint64_t now = SECOND; now <= 11 * SECOND; now += 1000) {
		pace_earn(&p, now);
		n += spend_all(&p);
	}
	assert_in_range(n, 10 * PACE_PER_SECOND - 4, 10 * PACE_PER_SECOND + 4);
}

static void a_clock_that_stands_still_earns_nothing(void **state) {
	struct pace p = { .left = 0 };

	pace_earn(&p, SECOND);
	(void)spend_all(&p);
	pace_earn(&p, SECOND);
	pace_earn(&p, SECOND - 1);
	assert_false(pace_spend(&p));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_round_is_full),
		cmocka_unit_test(as_many_as_come_in_a_second_are_always_afforded),
		cmocka_unit_test(more_than_that_take_turns),
		cmocka_unit_test(short_pauses_earn_as_much_as_long_ones),
		cmocka_unit_test(a_clock_that_stands_still_earns_nothing),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
