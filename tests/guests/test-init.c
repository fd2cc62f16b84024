/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The injected library in programs that aren't ours, on the real kernel. What it promises is measured
 * from outside its reach: faults by a perf counter, system calls by strace, locks by /proc.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "init-fixture.h"

static void strict_locks_everything_and_says_so_with_numbers(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *r;
	struct outcome o;

	order.heap_prealloc_bytes = 16 * MIB;
	order.main_stack_bytes = MIB;
	order.non_dumpable = true;
	add_step(&p, STEP_THP_DISABLE, NULL, 0, 0, 0);
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("facts"), NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	r = assert_prepared(&o);
	assert_int_equal(r->init_lock, INIT_LOCK_STRICT);
	assert_int_equal(r->arenas, 1);
	assert_int_equal(r->heap_bytes, 16 * MIB);
	assert_true(r->heap_end - r->heap_start >= 16 * MIB);
	assert_int_equal(r->main_stack_bytes, MIB);
	assert_int_equal(r->thread_stack_bytes, 256u << 10);
	assert_true(r->locked_bytes >= 17 * MIB);
	assert_true(r->unlocked_bytes <= UNLOCKABLE_MAX);
	assert_int_equal(r->dumpable, 0);
	assert_int_equal(r->thp_disabled, 1);
	assert_true(r->init_usec > 0);
	assert_string_equal(r->malloc_owner, "libc.so.6");
	/* and as the program itself sees it */
	assert_int_equal(output_number(&o, "dumpable"), 0);
	assert_int_equal(output_number(&o, "thp_disabled"), 1);
	assert_int_equal(output_number(&o, "thread_stack"), 256 << 10);
}

static void children_see_nothing_of_it(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_text(&p, STEP_ENV_CLEAR, NULL);
	add_text(&p, STEP_ENV_SET, "GLIBC_TUNABLES=glibc.malloc.check=0");
	add_text(&p, STEP_ENV_SET, "OTHER=1");
	add_protection(&p, fixture_library(), &order);
	add_command(
		&p, "/bin/sh", "-c", "/usr/bin/env; cat /proc/self/status; ls /proc/self/fd", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_prepared(&o);
	assert_says(o.out, "GLIBC_TUNABLES=glibc.malloc.check=0\n");
	assert_says(o.out, "OTHER=1\n");
	assert_null(strstr(o.out, "LD_PRELOAD"));
	assert_null(strstr(o.out, "RTMEM_"));
	assert_says(o.out, "VmLck:\t       0 kB");
	assert_null(strstr(o.out, "\n3\n4\n")); /* no report socket: 3 is ls's own directory */
}

static void the_report_socket_takes_no_number_that_a_program_expects(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("facts"), NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_prepared(&o);
	assert_null(strstr(o.out, "fd=3\n"));
	assert_says(o.out, "fd=200\n"); /* for what there is to tell later */
}

static void workers_within_their_prealloc_never_fault(void **state) {
	struct init_order order = strict_order();
	struct outcome o;

	order.heap_prealloc_bytes = 128 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_int_equal(output_number(&o, "faults"), 0);
	run_workers(&order, "4", "100", "one", &o);
	assert_int_equal(output_number(&o, "faults"), 0);
}

static void a_block_of_exactly_the_prealloc_fits(void **state) {
	struct init_order order = strict_order();
	struct outcome o;

	order.heap_prealloc_bytes = 64 * MIB;
	run_workers(&order, "4", "64", "one", &o);
	assert_int_equal(output_number(&o, "faults"), 0);
}

/* Without prealloc the very same program faults: the test above can fail. */
static void without_prealloc_the_same_workers_do_fault(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_command(&p, fixture_program("workers"), "4", "8", "25", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_counted(&o);
	assert_true(output_number(&o, "faults") > 1000);
}

static void several_arenas_serve_several_threads_without_faults(void **state) {
	struct init_order order = strict_order();
	struct outcome o;

	order.arenas = 4;
	order.heap_prealloc_bytes = 128 * MIB;
	run_workers(&order, "3", "30", NULL, &o);
	assert_int_equal(output_number(&o, "faults"), 0);
	assert_int_equal(o.reports[0].arenas, 4);
	assert_int_equal(o.reports[0].heap_bytes, 128 * MIB);
}

/* Calls between the two marks, in the trace of strace -f. */
static int calls_between_marks(const char *path) {
	_cleanup_free_ char *text = NULL;
	char *first, *last;
	int n = 0;

	assert_int_equal(read_file(path, 16u << 20, &text, NULL), 0);
	first = strstr(text, "getppid(");
	assert_non_null(first);
	last = strstr(first + 1, "getppid(");
	assert_non_null(last);
	*last = '\0';
	for (char *line = strchr(first, '\n'); line; line = strchr(line + 1, '\n'))
		n += strchr(line, '(') &&
			(strstr(line, "map(") || strstr(line, "brk(") || strstr(line, "mremap(") ||
				strstr(line, "madvise("));
	return n;
}

static int traced_calls(
	const struct init_order *order, const char *threads, const char *mib, const char *mode) {
	char path[] = "/tmp/rtmem-strace-XXXXXX";
	const char *const strace[] = { "strace", "-f", "-q", "-o", path, "-e",
		"trace=mmap,munmap,brk,mremap,madvise,getppid", NULL };
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;
	int fd, n;

	if (access("/usr/bin/strace", X_OK) < 0)
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	if (order)
		add_protection(&p, fixture_library(), order);
	add_command(&p, fixture_program("workers"), threads, mib, "10", mode, NULL);
	fixture_run(&p, WITH_SOCKET, strace, &o);
	n = o.status == 0 ? calls_between_marks(path) : 0;
	(void)unlink(path);
	assert_counted(&o);
	return n;
}

static void workers_within_their_prealloc_make_no_memory_map_call(void **state) {
	struct init_order order = strict_order();

	order.heap_prealloc_bytes = 128 * MIB;
	assert_int_equal(traced_calls(&order, "4", "8", NULL), 0);
	assert_int_equal(traced_calls(&order, "4", "100", "one"), 0);
	order.arenas = 4;
	assert_int_equal(traced_calls(&order, "3", "30", NULL), 0);
	assert_true(traced_calls(NULL, "4", "100", "one") > 10); /* the count can count */
}

static void the_main_stack_and_the_clocks_do_not_fault(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	struct outcome o;

	order.main_stack_bytes = 2 * MIB;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("depth"), "2000", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_counted(&o);
	assert_prepared(&o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
	assert_int_equal(output_number(&o, "clock_faults"), 0);

	order.main_stack_bytes = 0; /* the lock alone doesn't do it */
	add_protection(&q, fixture_library(), &order);
	add_command(&q, fixture_program("depth"), "2000", NULL);
	fixture_run(&q, WITH_SOCKET, NULL, &o);
	assert_prepared(&o);
	assert_true(output_number(&o, "stack_faults") > 300);
}

static void an_ordinary_user_with_ambient_ipc_lock_is_protected(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 32 * MIB;
	add_step(&p, STEP_GROUPS, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_CAPABILITIES, NULL, (int64_t)1 << CAP_IPC_LOCK, 0, 0);
	add_protection(&p, fixture_public_library(), &order);
	add_command(&p, "/bin/cat", "/proc/self/status", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_prepared(&o);
	assert_says(o.out, "Uid:\t65534");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_locks_everything_and_says_so_with_numbers),
		cmocka_unit_test(children_see_nothing_of_it),
		cmocka_unit_test(the_report_socket_takes_no_number_that_a_program_expects),
		cmocka_unit_test(workers_within_their_prealloc_never_fault),
		cmocka_unit_test(a_block_of_exactly_the_prealloc_fits),
		cmocka_unit_test(without_prealloc_the_same_workers_do_fault),
		cmocka_unit_test(several_arenas_serve_several_threads_without_faults),
		cmocka_unit_test(workers_within_their_prealloc_make_no_memory_map_call),
		cmocka_unit_test(the_main_stack_and_the_clocks_do_not_fault),
		cmocka_unit_test(an_ordinary_user_with_ambient_ipc_lock_is_protected),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
