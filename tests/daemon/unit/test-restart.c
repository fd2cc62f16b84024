/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows the end of a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/life/restart.h"

#define SECOND 1000000ull
#define START  (7 * SECOND)

static void each_cause_has_its_event(void **state) {
	static const struct {
		enum restart_when when;
		enum exit_cause cause;
		bool again;
		enum process_event event;
	} rows[] = {
		{ RESTART_NO, EXIT_CAUSE_CLEAN, false, EVENT_EXIT_DONE },
		{ RESTART_ON_FAILURE, EXIT_CAUSE_CLEAN, false, EVENT_EXIT_DONE },
		{ RESTART_ALWAYS, EXIT_CAUSE_CLEAN, false, EVENT_EXIT_AGAIN },
		{ RESTART_NO, EXIT_CAUSE_FAILURE, false, EVENT_EXIT_FAILED },
		{ RESTART_ON_FAILURE, EXIT_CAUSE_FAILURE, false, EVENT_EXIT_AGAIN },
		{ RESTART_ALWAYS, EXIT_CAUSE_FAILURE, false, EVENT_EXIT_AGAIN },
		/* whoever asked knows: the policy has no say */
		{ RESTART_ALWAYS, EXIT_CAUSE_ASKED, false, EVENT_EXIT_DONE },
		{ RESTART_NO, EXIT_CAUSE_ASKED, true, EVENT_EXIT_NOW },
		{ RESTART_ON_FAILURE, EXIT_CAUSE_ASKED, true, EVENT_EXIT_NOW },
		/* on_violation: restart or stop, whatever restart.when says */
		{ RESTART_NO, EXIT_CAUSE_VIOLATION, true, EVENT_EXIT_AGAIN },
		{ RESTART_ALWAYS, EXIT_CAUSE_VIOLATION, false, EVENT_EXIT_FAILED },
		/* a failure by another name */
		{ RESTART_NO, EXIT_CAUSE_TIMEOUT, true, EVENT_EXIT_FAILED },
		{ RESTART_ON_FAILURE, EXIT_CAUSE_TIMEOUT, true, EVENT_EXIT_AGAIN },
		{ RESTART_ALWAYS, EXIT_CAUSE_TIMEOUT, true, EVENT_EXIT_AGAIN },
		{ RESTART_NO, EXIT_CAUSE_WATCHDOG, true, EVENT_EXIT_FAILED },
		{ RESTART_ON_FAILURE, EXIT_CAUSE_WATCHDOG, true, EVENT_EXIT_AGAIN },
		{ RESTART_ALWAYS, EXIT_CAUSE_WATCHDOG, true, EVENT_EXIT_AGAIN },
		/* what can't work isn't tried again */
		{ RESTART_ALWAYS, EXIT_CAUSE_NO_LAUNCH, false, EVENT_EXIT_FAILED },
		{ RESTART_ALWAYS, EXIT_CAUSE_NO_LAUNCH, true, EVENT_EXIT_FAILED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct restart_policy p = {
			.when = rows[i].when, .limit = 5, .window_usec = SECOND
		};
		struct restart_history h = { .n_restarts = 0 };
		const struct ending ending = { .cause = rows[i].cause, .again = rows[i].again };
		enum process_event e = restart_decide(&p, &ending, START, &h);

		if (e != rows[i].event)
			fail_msg("row %zu: %s", i, process_event_to_string(e));
		assert_int_equal(h.n_restarts, e == EVENT_EXIT_AGAIN);
	}
}

static enum process_event fail_at(
	const struct restart_policy *p, uint64_t usec, struct restart_history *h) {
	return restart_decide(p, &(const struct ending){ EXIT_CAUSE_FAILURE }, usec, h);
}

static void the_limit_ends_in_failed(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 3, .window_usec = 60 * SECOND };
	struct restart_history h = { .n_restarts = 0 };

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fail_at(&p, START + i * SECOND, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(fail_at(&p, START + 3 * SECOND, &h), EVENT_EXIT_FAILED);
	assert_int_equal(h.n_restarts, 3); /* what was refused isn't counted */
	assert_int_equal(fail_at(&p, START + 4 * SECOND, &h), EVENT_EXIT_FAILED);
}

static void the_window_opens_with_the_first_restart(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 2, .window_usec = 60 * SECOND };
	struct restart_history h = { .n_restarts = 0 };

	assert_int_equal(fail_at(&p, START, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(h.opened_usec, START);
	assert_int_equal(fail_at(&p, START + 59 * SECOND, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(h.opened_usec, START);
	assert_int_equal(fail_at(&p, START + 60 * SECOND, &h), EVENT_EXIT_FAILED);
}

static void a_window_that_is_over_is_forgotten(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 2, .window_usec = 60 * SECOND };
	struct restart_history h = { .n_restarts = 0 };

	assert_int_equal(fail_at(&p, START, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(fail_at(&p, START + SECOND, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(fail_at(&p, START + 60 * SECOND + 1, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(h.opened_usec, START + 60 * SECOND + 1);
	assert_int_equal(h.n_restarts, 1);
}

static void a_limit_of_0_is_none(void **state) {
	const struct restart_policy p = { RESTART_ON_FAILURE, .limit = 0, .window_usec = SECOND };
	struct restart_history h = { .n_restarts = 0 };

	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(fail_at(&p, START + i, &h), EVENT_EXIT_AGAIN);
}

static void a_window_without_end_never_closes(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 1,
		.window_usec = USEC_INFINITY };
	struct restart_history h = { .n_restarts = 0 };

	assert_int_equal(fail_at(&p, START, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(fail_at(&p, UINT64_MAX, &h), EVENT_EXIT_FAILED);
}

static void restarts_that_people_ask_for_are_free(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 1, .window_usec = SECOND };
	struct restart_history h = { .n_restarts = 0 };

	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(
			restart_decide(&p, &(const struct ending){ EXIT_CAUSE_ASKED, true },
				START + i, &h),
			EVENT_EXIT_NOW);
	assert_int_equal(h.n_restarts, 0);
}

static void each_restart_in_a_row_waits_twice_as_long(void **state) {
	const struct restart_policy p = { .delay_usec = SECOND, .delay_max_usec = 10 * SECOND };
	static const uint64_t seconds[] = { 1, 1, 2, 4, 8, 10, 10 }; /* n from 0 */

	for (uint32_t n = 0; n < sizeof(seconds) / sizeof(seconds[0]); n++)
		assert_int_equal(restart_policy_delay(&p, n), seconds[n] * SECOND);
	assert_int_equal(restart_policy_delay(&p, UINT32_MAX), 10 * SECOND);
}

static void a_delay_at_its_most_never_grows(void **state) {
	static const uint64_t most[] = { 0, 1, SECOND, 3 * SECOND };

	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		const struct restart_policy p = { .delay_usec = 3 * SECOND,
			.delay_max_usec = most[i] };

		assert_int_equal(restart_policy_delay(&p, 1), 3 * SECOND);
		assert_int_equal(restart_policy_delay(&p, 1000), 3 * SECOND);
	}
}

static void no_delay_stays_none(void **state) {
	const struct restart_policy p = { .delay_usec = 0, .delay_max_usec = SECOND };

	assert_int_equal(restart_policy_delay(&p, 1), 0);
	assert_int_equal(restart_policy_delay(&p, UINT32_MAX), 0);
}

static void a_delay_doesnt_overflow(void **state) {
	const struct restart_policy p = { .delay_usec = UINT64_MAX / 2 + 1,
		.delay_max_usec = UINT64_MAX };

	assert_int_equal(restart_policy_delay(&p, 2), UINT64_MAX);
}

static void a_run_longer_than_the_window_ends_the_row(void **state) {
	const struct restart_policy p = { RESTART_ALWAYS, .limit = 0, .window_usec = 60 * SECOND };
	struct restart_history h = { .n_restarts = 0 };
	struct ending e = { .cause = EXIT_CAUSE_FAILURE, .run_usec = 60 * SECOND };

	for (uint32_t i = 1; i <= 5; i++) { /* each in a window of its own */
		assert_int_equal(
			restart_decide(&p, &e, START + i * 100 * SECOND, &h), EVENT_EXIT_AGAIN);
		assert_int_equal(h.n_restarts, 1);
		assert_int_equal(h.n_row, i);
	}
	e.run_usec = 60 * SECOND + 1;
	assert_int_equal(restart_decide(&p, &e, START + 1000 * SECOND, &h), EVENT_EXIT_AGAIN);
	assert_int_equal(h.n_row, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_has_its_event),
		cmocka_unit_test(the_limit_ends_in_failed),
		cmocka_unit_test(the_window_opens_with_the_first_restart),
		cmocka_unit_test(a_window_that_is_over_is_forgotten),
		cmocka_unit_test(a_limit_of_0_is_none),
		cmocka_unit_test(a_window_without_end_never_closes),
		cmocka_unit_test(restarts_that_people_ask_for_are_free),
		cmocka_unit_test(each_restart_in_a_row_waits_twice_as_long),
		cmocka_unit_test(a_delay_at_its_most_never_grows),
		cmocka_unit_test(no_delay_stays_none),
		cmocka_unit_test(a_delay_doesnt_overflow),
		cmocka_unit_test(a_run_longer_than_the_window_ends_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
