/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads under each mode: none faults once it runs, whatever its stack; with stacks made ahead neither
 * it nor its creator does; and no program can tell the difference.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init-fixture.h"

static const enum init_lock modes[] = { INIT_LOCK_STRICT, INIT_LOCK_BALANCED, INIT_LOCK_ONFAULT };

static const struct report *run_threads(
	const struct init_order *order, const char *what, const char *n, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_text(&p, STEP_TUNABLE, "glibc.pthread.stack_cache_size=134217728");
	add_protection(&p, fixture_library(), order);
	add_command(&p, fixture_program("threads"), what, n, NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_counted(o);
	return assert_prepared(o);
}

static void a_thread_never_faults_on_its_stack_in_any_mode(void **state) {
	static const char *const kinds[] = { "default", "own", "odd", "block", "c11", "many" };

	for (size_t m = 0; m < ARRAY_LEN(modes); m++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct init_order order = strict_order();
			struct outcome o;

			order.lock = modes[m];
			(void)run_threads(
				&order, kinds[k], strcmp(kinds[k], "many") == 0 ? "600" : "4", &o);
			if (output_number(&o, "thread_faults") != 0)
				fail_msg("%s, %s: %s", init_lock_to_string(modes[m]), kinds[k],
					o.out);
		}
}

/* The same program faults without a policy: the test above can fail. */
static void without_a_lock_the_same_threads_fault(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_command(&p, fixture_program("threads"), "own", "1", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_counted(&o);
	assert_true(output_number(&o, "thread_faults") > 200);
}

static void a_reserved_stack_costs_neither_thread_nor_creator_a_fault(void **state) {
	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		struct init_order order = strict_order();
		struct outcome o;

		order.lock = modes[m];
		order.heap_prealloc_bytes = MIB;
		order.stack_reserve = 3;
		assert_int_equal(run_threads(&order, "default", "3", &o)->stacks_reserved, 3);
		assert_int_equal(output_number(&o, "thread_faults"), 0);
		if (output_number(&o, "all_faults") != 0)
			fail_msg("%s: %s", init_lock_to_string(modes[m]), o.out);
	}
}

static void without_a_reserve_the_creator_pays(void **state) {
	struct init_order order = strict_order();
	struct outcome o;

	order.lock = INIT_LOCK_ONFAULT;
	order.heap_prealloc_bytes = MIB;
	assert_int_equal(run_threads(&order, "default", "3", &o)->stacks_reserved, 0);
	assert_true(output_number(&o, "all_faults") > 0);
}

static void a_reserve_larger_than_the_cache_is_said(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *r;
	struct outcome o;

	order.lock = INIT_LOCK_BALANCED;
	order.stack_reserve = 64;
	add_text(&p, STEP_TUNABLE, "glibc.pthread.stack_cache_size=1048576");
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	r = find_report(&o, REPORT_INIT_PARTIAL);
	assert_non_null(r);
	assert_string_equal(r->step, "stack-reserve");
	assert_says(r->text, "stack_cache_size");
	assert_true(r->stacks_reserved < 64);
}

static void no_program_can_tell_the_difference(void **state) {
	static const char *const keys[] = { "returns", "exits", "cancelled", "errno", "size",
		"refuses", "detached", "name" };

	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		struct init_order order = strict_order();
		struct outcome o;

		order.lock = modes[m];
		(void)run_threads(&order, "same", "3", &o);
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			if (output_number(&o, keys[k]) != 1)
				fail_msg("%s: %s", keys[k], o.out);
	}
}

/* An ordinary user under a small limit: the thread runs all the same, and the daemon hears of it. */
static void a_stack_that_cannot_be_locked_is_an_event(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;
	bool told = false;

	order.lock = INIT_LOCK_BALANCED;
	as_nobody(&p, 8 * MIB);
	add_protection(&p, fixture_public_library(), &order);
	add_command(&p, "/usr/bin/python3", "-c",
		"import threading\n"
		"threading.stack_size(16 << 20)\n"
		"t = threading.Thread(target=print, args=('running',))\n"
		"t.start()\n"
		"t.join()\n",
		NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "running\n");
	for (size_t r = 0; r < o.n_reports; r++)
		told |= o.reports[r].kind == REPORT_EVENT &&
			strcmp(o.reports[r].step, "thread-stack") == 0;
	assert_true(told);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_never_faults_on_its_stack_in_any_mode),
		cmocka_unit_test(without_a_lock_the_same_threads_fault),
		cmocka_unit_test(a_reserved_stack_costs_neither_thread_nor_creator_a_fault),
		cmocka_unit_test(without_a_reserve_the_creator_pays),
		cmocka_unit_test(a_reserve_larger_than_the_cache_is_said),
		cmocka_unit_test(no_program_can_tell_the_difference),
		cmocka_unit_test(a_stack_that_cannot_be_locked_is_an_event),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
