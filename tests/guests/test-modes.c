/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The modes beside strict, and orders that nobody would give. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "init-fixture.h"

static void onfault_keeps_heap_and_stack_present(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.lock = INIT_LOCK_ONFAULT;
	order.heap_prealloc_bytes = 64 * MIB;
	order.main_stack_bytes = 2 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_int_equal(output_number(&o, "faults"), 0); /* the workers' stacks included */
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("depth"), "2000", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
	assert_true(assert_prepared(&o)->unlocked_bytes <= UNLOCKABLE_MAX);
}

static void balanced_keeps_heap_and_stacks_present_before_the_second_lock(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.lock = INIT_LOCK_BALANCED;
	order.heap_prealloc_bytes = 64 * MIB;
	order.main_stack_bytes = 2 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_int_equal(output_number(&o, "faults"), 0);
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("depth"), "2000", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
}

static void without_a_lock_heap_and_stack_are_present_still(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.lock = INIT_LOCK_NONE;
	order.heap_prealloc_bytes = 64 * MIB;
	order.main_stack_bytes = 2 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_true(output_number(&o, "faults") <= 8);
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("depth"), "1900", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
	assert_int_equal(assert_prepared(&o)->locked_bytes, 0);
}

static void balanced_locks_again_when_told(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct report first, second;
	struct launched l;
	struct outcome o;

	order.lock = INIT_LOCK_BALANCED;
	order.heap_prealloc_bytes = 16 * MIB;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("late"), "32", NULL);
	fixture_start(&p, WITH_SOCKET, NULL, &l);
	fixture_send(&l, HANDOFF_GO);
	assert_true(fixture_receive(&l, &first));
	assert_int_equal(first.kind, REPORT_INIT);
	assert_int_equal(first.init_lock, INIT_LOCK_BALANCED);
	assert_true(first.locked_bytes >= 16 * MIB); /* the heap, but not what comes later */
	assert_true(first.locked_bytes < 32 * MIB);
	fixture_await_output(&l, "mapped");
	for (int round = 0; round < 2; round++) {
		fixture_send(&l, HANDOFF_LOCK);
		assert_true(fixture_receive(&l, &second));
		assert_int_equal(second.kind, REPORT_LOCKED);
		assert_int_equal(second.error, 0);
		assert_true(second.locked_bytes >= 48 * MIB);
		assert_true(second.unlocked_bytes <= UNLOCKABLE_MAX);
	}
	l.socket = close_fd(l.socket); /* the daemon goes, the program stays */
	fixture_finish(&l, &o);
	assert_int_equal(o.status, 0);
}

/* Polls /proc until the program is locked; false when the deadline passes first. */
static bool await_locked(pid_t pid) {
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (int waited_ms = 0; waited_ms < FIXTURE_DEADLINE_MS; waited_ms += 20) {
		_cleanup_free_ char *text = NULL;
		const char *locked;

		if (read_file(path, 1u << 16, &text, NULL) < 0)
			return false;
		locked = strstr(text, "VmLck:");
		if (locked && strtoul(locked + 6, NULL, 10) >= 32u << 10)
			return true;
		(void)usleep(20000);
	}
	return false;
}

static void balanced_without_a_daemon_locks_once_settled(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct outcome o;

	order.lock = INIT_LOCK_BALANCED;
	order.settle_usec = 100000;
	order.report_fd = -1;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("late"), "32", NULL);
	fixture_start(&p, IN_FOREGROUND, NULL, &l);
	fixture_await_output(&l, "mapped");
	assert_true(await_locked(l.pid));
	fixture_finish(&l, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.err, "");
}

static void what_is_not_strict_runs_on_and_says_what_is_missing(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *r;
	struct outcome o;

	order.lock = INIT_LOCK_ONFAULT;
	as_nobody(&p, 0);
	add_protection(&p, fixture_public_library(), &order);
	add_command(&p, "/bin/echo", "running", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out, "running\n");
	r = find_report(&o, REPORT_INIT_PARTIAL);
	assert_non_null(r);
	assert_string_equal(r->step, "mlockall");
	assert_int_equal(r->error, EPERM);
	assert_says(r->text, "memlock limit is 0");
}

/* ---- odd orders -------------------------------------------------------------------------------- */

static void run_with_environment(const char *init, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_text(&p, STEP_PRELOAD, fixture_library());
	if (init)
		add_text(&p, STEP_INIT, init);
	add_command(&p, "/bin/echo", "running", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_int_equal(o->status, 0);
	assert_string_equal(o->out, "running\n");
}

static void an_order_that_is_garbage_is_said_and_ignored(void **state) {
	static const char *const texts[] = { "", "x", "2 lock=strict", "1 lock=\xff",
		"1 lock=strict heap=" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct outcome o;

		run_with_environment(texts[i], &o);
		assert_says(o.err, "not an order");
		assert_int_equal(o.n_reports, 0);
	}
}

static void without_an_order_nothing_is_done(void **state) {
	struct outcome o;

	run_with_environment(NULL, &o);
	assert_string_equal(o.err, "");
	assert_int_equal(o.n_reports, 0);
}

static void a_report_descriptor_that_is_not_ours_is_left_alone(void **state) {
	struct outcome o;

	run_with_environment("1 lock=strict report=1", &o); /* stdout */
	assert_string_equal(o.err, "");
	run_with_environment("1 lock=strict report=77", &o); /* not open */
	assert_string_equal(o.err, "");
	assert_int_equal(o.n_reports, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(onfault_keeps_heap_and_stack_present),
		cmocka_unit_test(balanced_keeps_heap_and_stacks_present_before_the_second_lock),
		cmocka_unit_test(without_a_lock_heap_and_stack_are_present_still),
		cmocka_unit_test(balanced_locks_again_when_told),
		cmocka_unit_test(balanced_without_a_daemon_locks_once_settled),
		cmocka_unit_test(what_is_not_strict_runs_on_and_says_what_is_missing),
		cmocka_unit_test(an_order_that_is_garbage_is_said_and_ignored),
		cmocka_unit_test(without_an_order_nothing_is_done),
		cmocka_unit_test(a_report_descriptor_that_is_not_ours_is_left_alone),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
