/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for whom, and what a program may ask of its watchdog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/life/order.h"
#include "daemon/life/watchdog.h"
#include "house.h"

#define HEAD "version: 1\nprocesses:\n"
#define CHAIN                                                        \
	HEAD "  last: { command: [/bin/a], after: [one, two] }\n"    \
	     "  one: { command: [/bin/a], restart: { limit: 3 } }\n" \
	     "  two: { command: [/bin/a], restart: { limit: 0 } }\n"

static struct process *find(struct house *h, const char *name) {
	return manager_find(&h->manager, name);
}

static void who_is_on_the_way_up_is_awaited(void **state) {
	static const struct {
		enum process_state state;
		enum wanted wanted;
		bool waiting;
		bool awaited;
	} rows[] = {
		{ PROCESS_STOPPED, WANTED_STOPPED, false, false },
		{ PROCESS_STOPPED, WANTED_RUNNING, false, false }, /* ended as it should */
		{ PROCESS_STOPPED, WANTED_RUNNING, true, true },
		{ PROCESS_STARTING, WANTED_RUNNING, false, true },
		{ PROCESS_PREPARING, WANTED_RUNNING, false, true },
		{ PROCESS_PREPARING, WANTED_STOPPED, false, false },
		{ PROCESS_RUNNING, WANTED_RUNNING, false, false },
		{ PROCESS_STOPPING, WANTED_RUNNING, false, true }, /* a restart */
		{ PROCESS_STOPPING, WANTED_STOPPED, false, false },
		{ PROCESS_BACKOFF, WANTED_RUNNING, false, true },
		{ PROCESS_FAILED, WANTED_RUNNING, false, false },
	};
	struct process *p;

	house_move_in(*state, CHAIN);
	p = find(*state, "one");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p->state = rows[i].state;
		p->wanted = rows[i].wanted;
		p->waiting = rows[i].waiting;
		if (order_is_awaited(p) != rows[i].awaited)
			fail_msg("row %zu", i);
	}
}

static void a_back_off_without_a_limit_holds_nobody_up(void **state) {
	struct process *p;

	house_move_in(*state, CHAIN);
	p = find(*state, "two");
	p->state = PROCESS_BACKOFF;
	p->wanted = WANTED_RUNNING;
	assert_false(order_is_awaited(p));
}

static void who_is_over_its_time_holds_nobody_up(void **state) {
	struct process *p;

	house_move_in(*state, CHAIN);
	p = house_run(*state, "one");
	p->wanted = WANTED_RUNNING;
	assert_true(order_is_awaited(p));
	p->run->late = true;
	assert_false(order_is_awaited(p));
}

static void who_is_on_its_way_out_of_the_policy_is_not_awaited(void **state) {
	struct process *p;

	house_move_in(*state, CHAIN);
	p = find(*state, "one");
	p->state = PROCESS_STARTING;
	p->wanted = WANTED_RUNNING;
	p->removed = true;
	assert_false(order_is_awaited(p));
}

static void all_that_are_awaited_are_named(void **state) {
	char text[ORDER_TEXT_MAX];
	struct process *p;

	house_move_in(*state, CHAIN);
	p = find(*state, "last");
	assert_null(order_awaited(p, 0));
	assert_string_equal(order_describe(p, text), "");
	find(*state, "two")->state = PROCESS_STARTING;
	find(*state, "two")->wanted = WANTED_RUNNING;
	assert_string_equal(order_describe(p, text), "two");
	find(*state, "one")->state = PROCESS_STARTING;
	find(*state, "one")->wanted = WANTED_RUNNING;
	assert_string_equal(order_describe(p, text), "one, two");
	assert_ptr_equal(order_awaited(p, 1), find(*state, "two"));
	assert_null(order_awaited(p, 2));
}

static void a_program_may_not_ask_for_any_time(void **state) {
	assert_int_equal(watchdog_bound(0), 10000);
	assert_int_equal(watchdog_bound(1), 10000);
	assert_int_equal(watchdog_bound(5000000), 5000000);
	assert_int_equal(watchdog_bound(UINT64_MAX), UINT64_C(3600000000));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(who_is_on_the_way_up_is_awaited),
		CASE(a_back_off_without_a_limit_holds_nobody_up),
		CASE(who_is_over_its_time_holds_nobody_up),
		CASE(who_is_on_its_way_out_of_the_policy_is_not_awaited),
		CASE(all_that_are_awaited_are_named),
		cmocka_unit_test(a_program_may_not_ask_for_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
