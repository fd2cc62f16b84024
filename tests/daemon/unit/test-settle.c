/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Standing still, and what moved last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/life/settle.h"

#define MSEC  1000u
#define MIB   (1u << 20)
#define START 5000000u /* clocks don't begin at 0 */

static const struct settle_reading still = {
	.faults = 100, .size_bytes = 10 * MIB, .rss_bytes = 5 * MIB, .n_threads = 2
};

static void expect_text(const struct settle *s, const char *text) {
	char buf[160];

	assert_string_equal(settle_describe(s, buf, sizeof(buf)), text);
}

static void the_first_reading_only_starts_the_clock(void **state) {
	struct settle s = { .begun = false };

	expect_text(&s, "the program hasn't begun to run");
	assert_false(settle_update(&s, &still, START, 500 * MSEC));
	expect_text(&s, "still for less than the time asked for");
}

static void standing_still_for_the_time_settles(void **state) {
	struct settle s = { .begun = false };

	assert_false(settle_update(&s, &still, START, 500 * MSEC));
	assert_false(settle_update(&s, &still, START + 499 * MSEC, 500 * MSEC));
	assert_true(settle_update(&s, &still, START + 500 * MSEC, 500 * MSEC));
}

static void no_time_asked_for_settles_at_once(void **state) {
	struct settle s = { .begun = false };

	assert_true(settle_update(&s, &still, START, 0));
}

static void any_change_starts_the_clock_again(void **state) {
	const struct settle_reading changed[] = {
		{ 101, 10 * MIB, 5 * MIB, 2 }, { 100, 11 * MIB, 5 * MIB, 2 },
		{ 100, 10 * MIB, 6 * MIB, 2 }, { 100, 10 * MIB, 5 * MIB, 3 },
		{ 100, 9 * MIB, 5 * MIB, 2 }, /* less is a change as well */
	};

	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		struct settle s = { .begun = false };

		assert_false(settle_update(&s, &still, START, 500 * MSEC));
		assert_false(settle_update(&s, &changed[i], START + 500 * MSEC, 500 * MSEC));
		assert_false(settle_update(&s, &changed[i], START + 999 * MSEC, 500 * MSEC));
		assert_true(settle_update(&s, &changed[i], START + 1000 * MSEC, 500 * MSEC));
	}
}

static void a_value_that_swings_never_settles(void **state) {
	struct settle_reading other = still;
	struct settle s = { .begun = false };

	other.n_threads = 9;
	for (unsigned i = 0; i < 20; i++)
		assert_false(settle_update(
			&s, i % 2 ? &other : &still, START + i * 400 * MSEC, 500 * MSEC));
}

static void the_explanation_names_what_moved_last(void **state) {
	static const struct {
		struct settle_reading to;
		const char *text;
	} rows[] = {
		{ { 12900, 10 * MIB, 5 * MIB, 2 }, "12800 faults in the last 250ms" },
		{ { 100, 10 * MIB, 5 * MIB, 7 }, "threads went from 2 to 7" },
		{ { 100, 18 * MIB, 5 * MIB, 2 }, "its size went from 10.0M to 18.0M" },
		{ { 100, 10 * MIB, 4 * MIB, 2 }, "its resident size went from 5.0M to 4.0M" },
		/* faults are the reason that counts */
		{ { 101, 18 * MIB, 9 * MIB, 7 }, "1 faults in the last 250ms" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settle s = { .begun = false };

		(void)settle_update(&s, &still, START, 500 * MSEC);
		(void)settle_update(&s, &rows[i].to, START + 250 * MSEC + 7, 500 * MSEC);
		expect_text(&s, rows[i].text);
	}
}

static void the_gap_is_between_two_readings_not_since_the_start(void **state) {
	struct settle_reading more = still;
	struct settle s = { .begun = false };

	more.faults = 103;
	(void)settle_update(&s, &still, START, 500 * MSEC);
	(void)settle_update(&s, &still, START + 100 * MSEC, 500 * MSEC);
	(void)settle_update(&s, &more, START + 200 * MSEC, 500 * MSEC);
	expect_text(&s, "3 faults in the last 100ms");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reading_only_starts_the_clock),
		cmocka_unit_test(standing_still_for_the_time_settles),
		cmocka_unit_test(no_time_asked_for_settles_at_once),
		cmocka_unit_test(any_change_starts_the_clock_again),
		cmocka_unit_test(a_value_that_swings_never_settles),
		cmocka_unit_test(the_explanation_names_what_moved_last),
		cmocka_unit_test(the_gap_is_between_two_readings_not_since_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
