/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/host/reapply.h"

#define SECOND UINT64_C(1000000)

static void the_first_time_is_at_once_and_the_next_takes_longer(void **state) {
	struct reapply_history h = { .n = 0 };
	uint64_t now = 5 * SECOND;

	assert_int_equal(reapply_decide(&h, now), REAPPLY_NOW);
	assert_int_equal(reapply_decide(&h, now + 9 * SECOND), REAPPLY_WAIT);
	assert_int_equal(reapply_decide(&h, now + 10 * SECOND), REAPPLY_NOW);
	assert_int_equal(reapply_decide(&h, now + 29 * SECOND), REAPPLY_WAIT);
	assert_int_equal(reapply_decide(&h, now + 30 * SECOND), REAPPLY_NOW);
}

static void giving_up_is_said_once_and_lasts(void **state) {
	struct reapply_history h = { .n = 0 };
	uint64_t now = 0;
	unsigned written = 0;

	for (int i = 0; i < REAPPLY_MAX; i++, now += 1000 * SECOND)
		written += reapply_decide(&h, now) == REAPPLY_NOW;
	assert_int_equal(written, REAPPLY_MAX);
	assert_int_equal(reapply_decide(&h, now), REAPPLY_GIVE_UP);
	assert_int_equal(reapply_decide(&h, now + 1000000 * SECOND), REAPPLY_WAIT);
}

static void an_hour_of_peace_makes_it_forgotten(void **state) {
	struct reapply_history h = { .n = 0 };
	uint64_t now = 0;

	for (int i = 0; i < 3 * REAPPLY_MAX; i++, now += 3600 * SECOND)
		assert_int_equal(reapply_decide(&h, now), REAPPLY_NOW);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_time_is_at_once_and_the_next_takes_longer),
		cmocka_unit_test(giving_up_is_said_once_and_lasts),
		cmocka_unit_test(an_hour_of_peace_makes_it_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
