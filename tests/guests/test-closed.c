/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strict closes: whatever is in the way of the promise, the program doesn't run, and the words name it. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/names.h"
#include "init-fixture.h"

static void assert_closed(const struct outcome *o, const char *step, const char *text) {
	const struct report *r = find_report(o, REPORT_INIT_FAILED);

	assert_int_equal(o->status, EXIT_LAUNCH_FAILED);
	assert_non_null(r);
	assert_string_equal(r->step, step);
	assert_true(r->error > 0);
	assert_says(r->text, text);
	assert_says(o->err, "not started");
	assert_says(o->err, text);
	assert_null(find_report(o, REPORT_INIT));
}

static void run_closed(struct plan *p, const struct init_order *order, const char *const *wrapper,
	struct outcome *o) {
	add_protection(p, fixture_public_library(), order);
	add_command(p, "/bin/echo", "running", NULL);
	fixture_run(p, WITH_SOCKET, wrapper, o);
	assert_string_equal(o->out, "");
}

static void a_memlock_limit_too_low_for_the_heap_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 32 * MIB;
	as_nobody(&p, 8 * MIB);
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "heap", "memlock limit is too low");
	assert_says(o.err, "32.0M needed > soft limit 8.0M");
}

static void a_memlock_limit_too_low_for_the_next_thread_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.thread_stack_bytes = 0; /* 8 MiB by default, as much as the whole limit */
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_STACK, 8 * MIB, 8 * MIB);
	as_nobody(&p, 8 * MIB);
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "memlock", "memlock limit is too low");
}

static void a_memlock_limit_too_low_for_the_image_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	struct outcome o;

	as_nobody(&p, 64u << 10);
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "mlockall", "memlock limit is too low");
	as_nobody(&q, 0);
	run_closed(&q, &order, NULL, &o);
	assert_closed(&o, "mlockall", "memlock limit is 0");
}

static void a_filter_that_denies_mlockall_closes_and_is_named(void **state) {
	char deny[4096];
	const char *const wrapper[] = { deny, "mlockall", NULL };
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	snprintf(deny, sizeof(deny), "%s", fixture_program("deny"));
	run_closed(&p, &order, wrapper, &o);
	if (o.status == 77)
		skip();
	assert_closed(&o, "mlockall", "seccomp filter");
}

static void limits_on_data_and_address_space_close_and_are_named(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 64 * MIB;
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_DATA, 32 * MIB, 32 * MIB);
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "heap", "limits.data");
	add_step(&q, STEP_RLIMIT, NULL, RLIMIT_AS, 32 * MIB, 32 * MIB);
	run_closed(&q, &order, NULL, &o);
	assert_closed(&o, "heap", "limits.as");
}

static void a_stack_limit_below_the_wish_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	struct outcome o;

	order.main_stack_bytes = 2 * MIB;
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_STACK, MIB, MIB);
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "main-stack", "limits.stack");

	/* a soft limit in the way is raised */
	add_step(&q, STEP_RLIMIT, NULL, RLIMIT_STACK, MIB, 8 * MIB);
	add_protection(&q, fixture_library(), &order);
	add_command(&q, fixture_program("depth"), "2000", NULL);
	fixture_run(&q, WITH_SOCKET, NULL, &o);
	assert_counted(&o);
	assert_prepared(&o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
}

static void a_thread_stack_below_the_minimum_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.thread_stack_bytes = 4096;
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "thread-stack", "memory.stack.threads");
}

static void more_than_the_machine_has_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = UINT64_C(1) << 46;
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "heap", "too little memory left");
}

static void tunables_of_the_user_that_spoil_the_heap_close(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 16 * MIB;
	add_text(&p, STEP_ENV_SET, "GLIBC_TUNABLES=glibc.malloc.mmap_max=100");
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "heap", "glibc.malloc.mmap_max=0");
	assert_non_null(find_report(&o, REPORT_EXEC_NOTE));
}

static void arenas_of_the_user_that_nobody_prepares_close(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 16 * MIB;
	add_text(&p, STEP_ENV_SET, "GLIBC_TUNABLES=glibc.malloc.arena_max=8");
	run_closed(&p, &order, NULL, &o);
	assert_closed(&o, "arenas", "glibc.malloc.arena_max=8");
}

static void another_allocator_closes_and_is_named(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	struct outcome o;

	if (access("/usr/bin/redis-server", X_OK) < 0)
		skip();
	order.heap_prealloc_bytes = 16 * MIB;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/usr/bin/redis-server", "--version", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	if (o.status == 0 && find_report(&o, REPORT_INIT))
		skip(); /* a build on glibc's malloc */
	assert_closed(&o, "allocator", "libjemalloc.so.2 gives free memory back");
	assert_says(o.err, "MALLOC_CONF");

	order.heap_prealloc_bytes = 0; /* nothing promised about the heap: locked like any other */
	add_protection(&q, fixture_library(), &order);
	add_command(&q, "/usr/bin/redis-server", "--version", NULL);
	fixture_run(&q, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_says(assert_prepared(&o)->malloc_owner, "jemalloc");
}

/* A group of the first or the second hierarchy with this limit; false if none can be made here. */
static bool make_cgroup(char *path, size_t size, const char *limit) {
	static const struct {
		const char *mount, *file;
	} kinds[] = {
		{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes" },
		{ "/sys/fs/cgroup", "memory.max" },
	};
	char file[512];

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		snprintf(path, size, "%s/rtmem-test-%d", kinds[k].mount, getpid());
		if (mkdir(path, 0755) < 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, kinds[k].file);
		if (write_line_file(file, limit) == 0)
			return true;
		(void)rmdir(path);
	}
	return false;
}

static void a_control_group_too_small_closes_before_it_kills(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	char path[256];
	struct outcome o;

	(void)fixture_public_library(); /* before there is something to clean up */
	if (!make_cgroup(path, sizeof(path), "33554432"))
		skip();
	order.heap_prealloc_bytes = 64 * MIB;
	add_text(&p, STEP_CGROUP, path);
	run_closed(&p, &order, NULL, &o);
	(void)rmdir(path);
	assert_closed(&o, "heap", "memory control group is too small");
	assert_says(o.err, path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_memlock_limit_too_low_for_the_heap_closes),
		cmocka_unit_test(a_memlock_limit_too_low_for_the_next_thread_closes),
		cmocka_unit_test(a_memlock_limit_too_low_for_the_image_closes),
		cmocka_unit_test(a_filter_that_denies_mlockall_closes_and_is_named),
		cmocka_unit_test(limits_on_data_and_address_space_close_and_are_named),
		cmocka_unit_test(a_stack_limit_below_the_wish_closes),
		cmocka_unit_test(a_thread_stack_below_the_minimum_closes),
		cmocka_unit_test(more_than_the_machine_has_closes),
		cmocka_unit_test(tunables_of_the_user_that_spoil_the_heap_close),
		cmocka_unit_test(arenas_of_the_user_that_nobody_prepares_close),
		cmocka_unit_test(another_allocator_closes_and_is_named),
		cmocka_unit_test(a_control_group_too_small_closes_before_it_kills),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
