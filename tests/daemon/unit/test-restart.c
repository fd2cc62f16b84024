/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows the end of a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/restart.h"

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
		/* what can't work isn't tried again */
		{ RESTART_ALWAYS, EXIT_CAUSE_NO_LAUNCH, false, EVENT_EXIT_FAILED },
		{ RESTART_ALWAYS, EXIT_CAUSE_NO_LAUNCH, true, EVENT_EXIT_FAILED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct restart_policy p = {
			.when = rows[i].when, .limit = 5, .window_usec = SECOND
		};
		struct restart_history h = { .n_restarts = 0 };
		enum process_event e = restart_decide(&p, rows[i].cause, rows[i].again, START, &h);

		if (e != rows[i].event)
			fail_msg("row %zu: %s", i, process_event_to_string(e));
		assert_int_equal(h.n_restarts, e == EVENT_EXIT_AGAIN);
	}
}

static enum process_event fail_at(
	const struct restart_policy *p, uint64_t usec, struct restart_history *h) {
	return restart_decide(p, EXIT_CAUSE_FAILURE, false, usec, h);
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
			restart_decide(&p, EXIT_CAUSE_ASKED, true, START + i, &h), EVENT_EXIT_NOW);
	assert_int_equal(h.n_restarts, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
