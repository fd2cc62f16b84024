/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork() after the lock. What it does to the parent, what each answer of the policy (and of the kernel's
 * own advices) gives, and whether the child is still well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init-fixture.h"

#define BLOCK_MIB   "64"
#define BLOCK_PAGES 16384
#define FEW_FAULTS  4 /* pages of the stack and of libc's data, which no advice is given for */

static const struct report *find_event(const struct outcome *o, const char *step) {
	for (size_t r = 0; r < o->n_reports; r++)
		if (o->reports[r].kind == REPORT_EVENT && strcmp(o->reports[r].step, step) == 0)
			return &o->reports[r];
	return NULL;
}

static void run_forker(enum init_fork mode, enum init_lock lock, const char *how,
	const char *advice, struct outcome *o) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };

	order.lock = lock;
	order.fork = mode;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("forker"), how, BLOCK_MIB, advice, NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_counted(o);
	assert_prepared(o);
	assert_int_equal(output_number(o, "lost"), 0);
}

static void a_fork_makes_the_parent_fault_on_each_page(void **state) {
	struct outcome o;

	run_forker(INIT_FORK_ALLOW, INIT_LOCK_STRICT, "fork", NULL, &o);
	assert_true(output_number(&o, "faults") >= BLOCK_PAGES);
	assert_int_equal(output_number(&o, "child"), 0);
	assert_int_equal(output_number(&o, "child_locked"), 0);
	assert_null(find_event(&o, "fork"));
}

static void a_fork_is_told_with_thread_and_place(void **state) {
	static const char *const ways[] = { "fork", "_Fork", "forkpty" };

	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		const struct report *e;
		struct outcome o;

		run_forker(INIT_FORK_REPORT, INIT_LOCK_STRICT, ways[w], NULL, &o);
		assert_int_equal(output_number(&o, "child"), 0);
		e = find_event(&o, "fork");
		assert_non_null(e);
		assert_true(e->tid > 0);
		assert_says(e->text, "thread program-forker (tid ");
		assert_says(e->text, ") at program-forker+0x");
		assert_says(e->text, "posix_spawn");
	}
}

static void a_fork_from_inside_the_c_library_is_told_too(void **state) {
	struct outcome o;

	run_forker(INIT_FORK_REPORT, INIT_LOCK_STRICT, "inner", NULL, &o);
	assert_non_null(find_event(&o, "fork"));
	assert_says(find_event(&o, "fork")->text, "in a call of the C library");
}

static void what_copies_nothing_is_left_alone(void **state) {
	static const char *const ways[] = { "spawn", "vfork", "system" };
	static const enum init_fork modes[] = { INIT_FORK_REPORT, INIT_FORK_DENY };

	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
			struct outcome o;

			run_forker(modes[m], INIT_LOCK_STRICT, ways[w], NULL, &o);
			assert_int_equal(output_number(&o, "errno"), 0);
			assert_int_equal(output_number(&o, "child"), 0);
			assert_int_equal(output_number(&o, "faults"), 0);
			assert_null(find_event(&o, "fork"));
		}
}

static void deny_refuses_every_way_that_copies(void **state) {
	static const char *const ways[] = { "fork", "_Fork", "forkpty", "daemon" };

	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct outcome o;

		run_forker(INIT_FORK_DENY, INIT_LOCK_STRICT, ways[w], NULL, &o);
		assert_int_equal(output_number(&o, "errno"), EPERM);
		assert_int_equal(output_number(&o, "faults"), 0);
	}
}

static void precopy_gives_the_parent_its_pages_back_in_any_mode(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_STRICT, INIT_LOCK_BALANCED,
		INIT_LOCK_ONFAULT };
	static const char *const ways[] = { "fork", "_Fork", "forkpty", "inner" };

	for (size_t l = 0; l < ARRAY_LEN(locks); l++)
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			struct outcome o;

			run_forker(INIT_FORK_PRECOPY, locks[l], ways[w], NULL, &o);
			assert_int_equal(output_number(&o, "faults"), 0);
			assert_int_equal(output_number(&o, "child"), 0);
		}
}

/* Memory that the child never sees: the parent keeps it, a child that needs it dies. */
static void dontfork_is_a_guarantee_for_memory_that_no_child_needs(void **state) {
	struct outcome o;

	run_forker(INIT_FORK_ALLOW, INIT_LOCK_STRICT, "fork", "dontfork", &o);
	assert_true(output_number(&o, "faults") <= FEW_FAULTS);
	assert_int_equal(output_number(&o, "child"), 128 + 11);
	/* the heap is such memory: no child without it */
	run_forker(INIT_FORK_ALLOW, INIT_LOCK_STRICT, "fork", "heap", &o);
	assert_true(output_number(&o, "faults") <= FEW_FAULTS);
	assert_int_equal(output_number(&o, "child"), 128 + 11);
}

/* Memory that is zeros in the child: fine for buffers, not for a heap. */
static void wipeonfork_is_a_guarantee_for_buffers(void **state) {
	struct outcome o;

	run_forker(INIT_FORK_ALLOW, INIT_LOCK_STRICT, "fork", "wipeonfork", &o);
	assert_true(output_number(&o, "faults") <= FEW_FAULTS);
	assert_int_equal(output_number(&o, "child"), 2);
}

/* ---- children ---------------------------------------------------------------------------------- */

static void a_forked_child_that_inherits_is_locked(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_STRICT, INIT_LOCK_BALANCED,
		INIT_LOCK_ONFAULT };
	static const char *const ways[] = { "fork", "_Fork" };

	for (size_t l = 0; l < ARRAY_LEN(locks); l++)
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			struct init_order order = strict_order();
			_cleanup_plan_ struct plan p = { 0 };
			struct outcome o;

			order.lock = locks[l];
			order.children = true;
			add_protection(&p, fixture_library(), &order);
			add_command(&p, fixture_program("forker"), ways[w], BLOCK_MIB, NULL);
			fixture_run(&p, WITH_SOCKET, NULL, &o);
			assert_counted(&o);
			assert_int_equal(output_number(&o, "child"), 0);
			assert_true(output_number(&o, "child_locked") >= 64 << 10);
		}
}

static void a_program_that_a_child_executes_gets_the_policy_too(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	const char *locked;
	struct outcome o;

	order.children = true;
	order.heap_prealloc_bytes = 8 * MIB;
	add_text(&p, STEP_ENV_SET, "GLIBC_TUNABLES=glibc.malloc.check=0");
	add_protection(&p, fixture_library(), &order);
	/* a shell's child, and the child of that */
	add_command(&p, "/bin/sh", "-c",
		"sh -c 'grep VmLck /proc/self/status; env; ls /proc/self/fd; :'; :", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	locked = strstr(o.out, "VmLck:");
	assert_non_null(locked);
	assert_true(strtol(locked + 6, NULL, 10) > 8 << 10);
	assert_says(o.out, "RTMEM_INIT=1 lock=strict");
	assert_null(strstr(o.out, "report="));
	assert_null(strstr(o.out, "\n200\n"));
	assert_string_equal(o.err, "");
}

/* A limit that leaves no room for the child's lock: under strict it doesn't run. */
static void a_child_that_cannot_be_locked_does_not_run(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.children = true;
	order.thread_stack_bytes = 64u << 10;
	as_nobody(&p, 8 * MIB); /* the least that every system allows */
	add_protection(&p, fixture_public_library(), &order);
	add_command(&p, "/bin/sh", "-c", "ulimit -l 0; /bin/echo running; echo status=$?; exit 0",
		NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_null(strstr(o.out, "running"));
	if (!strstr(o.out, "status=125"))
		fail_msg("status %d, %s%s", o.status, o.out, o.err);
	assert_says(o.err, "mlockall");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fork_makes_the_parent_fault_on_each_page),
		cmocka_unit_test(a_fork_is_told_with_thread_and_place),
		cmocka_unit_test(a_fork_from_inside_the_c_library_is_told_too),
		cmocka_unit_test(what_copies_nothing_is_left_alone),
		cmocka_unit_test(deny_refuses_every_way_that_copies),
		cmocka_unit_test(precopy_gives_the_parent_its_pages_back_in_any_mode),
		cmocka_unit_test(dontfork_is_a_guarantee_for_memory_that_no_child_needs),
		cmocka_unit_test(wipeonfork_is_a_guarantee_for_buffers),
		cmocka_unit_test(a_forked_child_that_inherits_is_locked),
		cmocka_unit_test(a_program_that_a_child_executes_gets_the_policy_too),
		cmocka_unit_test(a_child_that_cannot_be_locked_does_not_run),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
