/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The injected library in programs that aren't ours, on the real kernel. What it promises is measured
 * from outside its reach: faults by a perf counter, system calls by strace, locks by /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/names.h"
#include "launch-fixture.h"

#define UNLOCKABLE_MAX (128u << 10) /* vdso and vvar */

static struct init_order strict_order(void) {
	return (struct init_order){
		.lock = INIT_LOCK_STRICT,
		.arenas = 1,
		.thread_stack_bytes = 256u << 10,
		.report_fd = FIXTURE_REPORT_FD,
	};
}

static const struct report *assert_prepared(const struct outcome *o) {
	const struct report *r = find_report(o, REPORT_INIT);

	if (!r) {
		const struct report *other = o->n_reports ? &o->reports[0] : NULL;

		fail_msg("status %d, %s, %s", o->status, other ? other->text : "no report", o->err);
	}
	assert_string_equal(r->text, "");
	assert_string_equal(r->step, "");
	return r;
}

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

/* Workers need the kernel's leave to count their own faults. */
static void assert_counted(const struct outcome *o) {
	if (o->status == 77)
		skip();
	assert_started(o);
}

/* ---- strict ------------------------------------------------------------------------------------ */

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

static void the_report_socket_is_closed_before_main(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("facts"), NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_prepared(&o);
	assert_null(strstr(o.out, "fd=3\n"));
}

static void run_workers(const struct init_order *order, const char *threads, const char *mib,
	const char *mode, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_protection(&p, fixture_library(), order);
	add_command(&p, fixture_program("workers"), threads, mib, "25", mode, NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_counted(o);
	assert_prepared(o);
	assert_int_equal(output_number(o, "failed"), 0);
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

/* ---- strict closes ----------------------------------------------------------------------------- */

static void as_nobody(struct plan *p, rlim_t memlock) {
	add_step(p, STEP_RLIMIT, NULL, RLIMIT_MEMLOCK, (int64_t)memlock, (int64_t)memlock);
	add_step(p, STEP_GROUPS, NULL, NOBODY, 0, 0);
	add_step(p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(p, STEP_CAPABILITIES, NULL, 0, 0, 0);
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
	const char *const wrapper[] = { deny, NULL };
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
	assert_closed(&o, "heap", "jemalloc");

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

	if (!make_cgroup(path, sizeof(path), "33554432"))
		skip();
	order.heap_prealloc_bytes = 64 * MIB;
	add_text(&p, STEP_CGROUP, path);
	run_closed(&p, &order, NULL, &o);
	(void)rmdir(path);
	assert_closed(&o, "heap", "memory control group is too small");
	assert_says(o.err, path);
}

/* ---- other modes ------------------------------------------------------------------------------- */

static void onfault_keeps_heap_and_stack_present(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.lock = INIT_LOCK_ONFAULT;
	order.heap_prealloc_bytes = 64 * MIB;
	order.main_stack_bytes = 2 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_true(output_number(&o, "faults") <= 4 * 2); /* at most a stack page or two each */
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("depth"), "2000", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
	assert_true(assert_prepared(&o)->unlocked_bytes <= UNLOCKABLE_MAX);
}

static void without_a_lock_heap_and_stack_are_present_still(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.lock = INIT_LOCK_NONE;
	order.heap_prealloc_bytes = 64 * MIB;
	order.main_stack_bytes = 2 * MIB;
	run_workers(&order, "4", "8", NULL, &o);
	assert_true(output_number(&o, "faults") <= 4 * 2);
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
	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("late"), "32", NULL);
	fixture_start(&p, WITH_SOCKET, NULL, &l);
	fixture_send(&l, HANDOFF_GO);
	assert_true(fixture_receive(&l, &first));
	assert_int_equal(first.kind, REPORT_INIT);
	assert_int_equal(first.init_lock, INIT_LOCK_BALANCED);
	assert_true(first.locked_bytes < 32 * MIB);
	fixture_await_output(&l, "mapped");
	for (int round = 0; round < 2; round++) {
		fixture_send(&l, HANDOFF_LOCK);
		assert_true(fixture_receive(&l, &second));
		assert_int_equal(second.kind, REPORT_LOCKED);
		assert_int_equal(second.error, 0);
		assert_true(second.locked_bytes >= 32 * MIB);
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
		cmocka_unit_test(strict_locks_everything_and_says_so_with_numbers),
		cmocka_unit_test(children_see_nothing_of_it),
		cmocka_unit_test(the_report_socket_is_closed_before_main),
		cmocka_unit_test(workers_within_their_prealloc_never_fault),
		cmocka_unit_test(a_block_of_exactly_the_prealloc_fits),
		cmocka_unit_test(without_prealloc_the_same_workers_do_fault),
		cmocka_unit_test(several_arenas_serve_several_threads_without_faults),
		cmocka_unit_test(workers_within_their_prealloc_make_no_memory_map_call),
		cmocka_unit_test(the_main_stack_and_the_clocks_do_not_fault),
		cmocka_unit_test(an_ordinary_user_with_ambient_ipc_lock_is_protected),
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
		cmocka_unit_test(onfault_keeps_heap_and_stack_present),
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
