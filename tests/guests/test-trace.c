/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A static program prepared by ptrace. What it finds, what closes, what it notices of a lock while it
 * waits; and that the helper's death is none of its business: the helper is killed before and after each
 * of its ptrace calls, and the program runs to its end every time.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "launch-fixture.h"

#define MAIN_STACK  (UINT64_C(1) << 20)
#define ROUNDS	    900 /* of kills, at most: more calls than any preparation makes */
#define SHORT	    (256u << 10) /* bytes: less than any program */
#define STACK_LIMIT (2 << 20)
#define LATE_LOCKS  40
#define SIGNALS	    "8000"
#define ENTRY_EXIT  7 /* status of program-entry */
#define STRICT_125  "was killed"

static void add_order(struct plan *p, enum init_lock lock) {
	const struct init_order order = {
		.lock = lock,
		.main_stack_bytes = MAIN_STACK,
		.non_dumpable = true,
		.report_fd = FIXTURE_REPORT_FD,
	};
	char text[INIT_ORDER_TEXT_MAX];

	assert_int_equal(init_order_format(&order, text, sizeof(text)), 0);
	add_text(p, STEP_INIT, text);
}

static void make_plan(struct plan *p, enum init_lock lock, const char *const *arguments) {
	add_text(p, STEP_TRACE, NULL);
	add_order(p, lock);
	add_command_line(p, arguments);
}

#define plan_for(p, lock, ...) make_plan(p, lock, (const char *const[]){ __VA_ARGS__, NULL })

static const char *traced(void) {
	static char path[4096];

	snprintf(path, sizeof(path), "%s", fixture_program("traced"));
	return path;
}

/* ---- what it finds ----------------------------------------------------------------------------- */

static void a_static_program_is_locked_and_notices_nothing(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *r;
	struct outcome o;

	plan_for(&p, INIT_LOCK_STRICT, traced());
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	r = find_report(&o, REPORT_INIT);
	assert_non_null(r);
	assert_int_equal(r->injection, REPORT_BY_PTRACE);
	assert_int_equal(r->init_lock, INIT_LOCK_STRICT);
	assert_int_equal(r->main_stack_bytes, MAIN_STACK);
	assert_true(r->locked_bytes >= MAIN_STACK && r->unlocked_bytes <= 128 << 10);
	assert_int_equal(r->dumpable, 0);
	assert_string_equal(r->malloc_owner, "glibc");
	assert_int_equal(output_number(&o, "argc"), 1);
	assert_int_equal(output_number(&o, "tracer"), 0);
	assert_int_equal(output_number(&o, "children"), 0);
	assert_int_equal(output_number(&o, "descriptors"), 0);
	assert_int_equal(output_number(&o, "stack_faults"), 0);
	assert_int_equal(output_number(&o, "clock_faults"), 0);
	assert_int_equal(output_number(&o, "dumpable"), 0);
	assert_true(output_number(&o, "size") - output_number(&o, "locked") <= 128);
}

/* Without randomness of addresses, an untouched start says what there has to be. */
static void registers_and_stack_are_those_of_any_start(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_STRICT, INIT_LOCK_ONFAULT,
		INIT_LOCK_NONE };
	_cleanup_plan_ struct plan plain = { 0 };
	struct outcome untouched, o;
	char program[4096];
	int before = personality(ADDR_NO_RANDOMIZE);

	snprintf(program, sizeof(program), "%s", fixture_program("entry"));
	add_text(&plain, STEP_ENV_CLEAR, NULL);
	add_text(&plain, STEP_ENV_SET, "KEY=VALUE");
	add_command(&plain, program, "an argument", NULL);
	fixture_run(&plain, WITH_SOCKET, NULL, &untouched);
	assert_int_equal(untouched.status, ENTRY_EXIT);
	assert_says(untouched.out, "an argument");
	for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
		_cleanup_plan_ struct plan p = { 0 };

		add_text(&p, STEP_ENV_CLEAR, NULL);
		add_text(&p, STEP_ENV_SET, "KEY=VALUE");
		plan_for(&p, locks[i], program, "an argument");
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		assert_non_null(find_report(&o, REPORT_INIT));
		assert_int_equal(o.status, ENTRY_EXIT);
		assert_string_equal(o.out, untouched.out);
	}
	(void)personality((unsigned long)before);
}

static void other_locks_hold_as_well(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_ONFAULT, INIT_LOCK_BALANCED,
		INIT_LOCK_NONE };

	for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
		_cleanup_plan_ struct plan p = { 0 };
		struct outcome o;

		plan_for(&p, locks[i], traced());
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		assert_started(&o);
		assert_non_null(find_report(&o, REPORT_INIT));
		assert_int_equal(output_number(&o, "stack_faults"), 0);
		assert_int_equal(output_number(&o, "locked") > 0, locks[i] != INIT_LOCK_NONE);
	}
}

static void a_dynamic_program_can_be_prepared_so_too(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	plan_for(&p, INIT_LOCK_STRICT, "/bin/sh", "-c", "grep VmLck /proc/$$/status");
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_non_null(find_report(&o, REPORT_INIT));
	assert_null(strstr(o.out, "VmLck:\t       0 kB"));
}

static void without_a_daemon_it_works_the_same(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	plan_for(&p, INIT_LOCK_STRICT, traced());
	fixture_run(&p, IN_FOREGROUND, NULL, &o);
	assert_started(&o);
	assert_true(output_number(&o, "locked") > 0);
	assert_string_equal(o.err, "");
}

/* ---- strict closes ------------------------------------------------------------------------------ */

static void limit_memlock(struct plan *p, uint64_t bytes) {
	struct step *s = plan_append(p, STEP_RLIMIT, NULL, NULL);

	assert_non_null(s);
	s->number[0] = RLIMIT_MEMLOCK;
	s->number[1] = s->number[2] = (int64_t)bytes;
	add_step(p, STEP_RLIMIT, NULL, RLIMIT_STACK, STACK_LIMIT, STACK_LIMIT);
	add_step(p, STEP_GROUPS, "", NOBODY, 0, 0);
	add_step(p, STEP_USER, NULL, NOBODY, 0, 0);
}

static void run_limited(
	enum init_lock lock, uint64_t bytes, enum fixture_mode mode, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_text(&p, STEP_TRACE, NULL);
	limit_memlock(&p, bytes);
	add_order(&p, lock);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, mode, NULL, o);
}

static void strict_ends_the_program_with_the_cause(void **state) {
	const struct report *r;
	struct outcome o;

	if (geteuid() != 0)
		skip();
	run_limited(INIT_LOCK_STRICT, SHORT, WITH_SOCKET, &o);
	assert_int_equal(o.status, 125);
	r = find_report(&o, REPORT_INIT_FAILED);
	assert_non_null(r);
	assert_string_equal(r->step, "mlockall");
	assert_says(r->text, "memlock limit is too low");
	run_limited(INIT_LOCK_STRICT, SHORT, IN_FOREGROUND, &o);
	assert_int_equal(o.status, 125);
	assert_says(o.err, "/bin/true not started: mlockall: ");
}

static void strict_wants_room_for_a_thread(void **state) {
	const struct report *r;
	struct outcome o;

	if (geteuid() != 0)
		skip();
	run_limited(INIT_LOCK_STRICT, 2 * MIB, WITH_SOCKET, &o);
	assert_int_equal(o.status, 125);
	r = find_report(&o, REPORT_INIT_FAILED);
	assert_non_null(r);
	assert_string_equal(r->step, "memlock");
	assert_true(r->locked_bytes > MAIN_STACK);
	run_limited(INIT_LOCK_STRICT, 8 * MIB, WITH_SOCKET, &o);
	assert_started(&o);
}

static void other_locks_let_it_run_and_say_so(void **state) {
	struct outcome o;

	if (geteuid() != 0)
		skip();
	run_limited(INIT_LOCK_ONFAULT, SHORT, WITH_SOCKET, &o);
	assert_started(&o);
	assert_non_null(find_report(&o, REPORT_INIT_PARTIAL));
	run_limited(INIT_LOCK_ONFAULT, SHORT, IN_FOREGROUND, &o);
	assert_started(&o);
	assert_says(o.err, "not fully protected: mlockall: ");
}

static void run_denied(enum init_lock lock, const char *call, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };
	char deny[4096];
	const char *const wrapper[] = { deny, call, NULL };

	if (geteuid() != 0)
		skip();
	snprintf(deny, sizeof(deny), "%s", fixture_program("deny"));
	plan_for(&p, lock, "/bin/true");
	fixture_run(&p, WITH_SOCKET, wrapper, o);
}

static void a_filter_is_named(void **state) {
	const struct report *r;
	struct outcome o;

	run_denied(INIT_LOCK_STRICT, "mlockall", &o);
	assert_int_equal(o.status, 125);
	r = find_report(&o, REPORT_INIT_FAILED);
	assert_non_null(r);
	assert_says(r->text, "a seccomp filter forbids it");
	run_denied(INIT_LOCK_STRICT, "mlockall-kill", &o);
	assert_int_equal(o.status, 128 + SIGSYS);
	r = find_report(&o, REPORT_INIT_FAILED);
	assert_non_null(r);
	assert_says(r->text, "a seccomp filter ends the program");
}

static void without_the_right_to_trace_strict_closes(void **state) {
	const struct report *r;
	struct outcome o;

	run_denied(INIT_LOCK_STRICT, "ptrace", &o);
	assert_int_equal(o.status, 125);
	r = find_report(&o, REPORT_EXEC_FAILED);
	assert_non_null(r);
	assert_says(r->text, "a seccomp filter may forbid it");
	run_denied(INIT_LOCK_ONFAULT, "ptrace", &o);
	assert_started(&o);
	r = find_report(&o, REPORT_EXEC_NOTE);
	assert_non_null(r);
	assert_says(r->text, "its memory stays unprotected");
}

/* ---- the helper under the knife ------------------------------------------------------------------ */

static bool same_socket(pid_t a, pid_t b) {
	char path[64], link[2][64] = { "", "a" };
	const pid_t pids[2] = { a, b };

	for (int i = 0; i < 2; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pids[i], FIXTURE_REPORT_FD);
		n = readlink(path, link[i], sizeof(link[i]) - 1);
		if (n < 0)
			return false;
		link[i][n] = '\0';
	}
	return strcmp(link[0], link[1]) == 0;
}

static pid_t look_for_helper(pid_t program) {
	_cleanup_closedir_ DIR *d = opendir("/proc");
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && strcmp(name, "rtmem-trace\n") == 0 &&
			same_socket(atoi(e->d_name), program)) {
			(void)fclose(f);
			return atoi(e->d_name);
		}
		(void)fclose(f);
	}
	return 0;
}

/* The helper holds the same end of the report socket as rtmem-exec does; afterwards only it does. */
static pid_t find_helper(const struct launched *l) {
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < FIXTURE_DEADLINE_MS; i++) {
		pid_t pid = look_for_helper(l->pid);

		if (pid)
			return pid;
		(void)nanosleep(&pause, NULL);
	}
	fail_msg("no helper appeared");
	return 0;
}

static void hold(pid_t helper) {
	int status;

	assert_int_equal(ptrace(PTRACE_SEIZE, helper, 0, PTRACE_O_TRACESYSGOOD), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, helper, 0, 0), 0);
	assert_int_equal(waitpid(helper, &status, __WALL), helper);
}

/* Lets the helper go on to the n-th edge of a ptrace call, and kills it there. False: it never came so
 * far, and has ended (or waits for the daemon: until_report). */
static bool kill_at(pid_t helper, int n, const struct launched *l, enum report_kind until) {
	struct __ptrace_syscall_info info;
	struct report r;
	uint64_t number = 0;
	int status, sig = 0;

	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, helper, 0, (long)sig), 0);
		assert_int_equal(waitpid(helper, &status, __WALL), helper);
		if (!WIFSTOPPED(status))
			return false;
		sig = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			sig = status >> 16 ? 0 : WSTOPSIG(status);
			continue;
		}
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, helper, sizeof(info), &info) > 0);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			number = info.entry.nr;
		if (until && number == SYS_sendto && info.op == PTRACE_SYSCALL_INFO_EXIT &&
			fixture_receive(l, &r) && r.kind == until)
			break;
		if (number == SYS_ptrace && --n == 0)
			break;
	}
	assert_int_equal(kill(helper, SIGKILL), 0);
	assert_int_equal(waitpid(helper, &status, __WALL), helper);
	return n == 0;
}

static bool one_kill(enum init_lock lock, int n) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct outcome o;
	pid_t helper;
	bool killed;

	plan_for(&p, lock, traced());
	fixture_start(&p, WITH_SOCKET, NULL, &l);
	helper = find_helper(&l);
	hold(helper);
	fixture_send(&l, HANDOFF_GO);
	killed = kill_at(helper, n, &l, 0);
	fixture_finish(&l, &o);
	if (o.status == 125 && lock == INIT_LOCK_STRICT)
		assert_says(o.err, STRICT_125); /* before it was attached: nothing has run */
	else if (o.status != 0)
		fail_msg("killed at edge %d, the program ended with %d: %s", n, o.status, o.err);
	else
		assert_int_equal(output_number(&o, "children"), 0);
	return killed;
}

static void its_death_at_any_step_leaves_the_program_alone(void **state) {
	static const enum init_lock locks[] = { INIT_LOCK_ONFAULT, INIT_LOCK_STRICT };

	for (size_t i = 0; i < ARRAY_LEN(locks); i++) {
		int n = 1;

		while (n < ROUNDS && one_kill(locks[i], n))
			n++;
		assert_in_range(n, 20, ROUNDS - 1);
		print_message("lock=%s: %d kills\n", init_lock_to_string(locks[i]), n - 1);
	}
}

/* ---- the lock at ready ---------------------------------------------------------------------------- */

#if defined(__x86_64__)
static void start_waiting(struct plan *p, const char *how, const char *amount, struct launched *l,
	pid_t *ret_helper) {
	struct report r;

	plan_for(p, INIT_LOCK_BALANCED, traced(), how, amount);
	fixture_start(p, WITH_SOCKET, NULL, l);
	*ret_helper = find_helper(l);
	fixture_send(l, HANDOFF_GO);
	assert_true(fixture_receive(l, &r));
	assert_int_equal(r.kind, REPORT_INIT);
	fixture_await_output(l, "children=");
}

static void assert_late(struct launched *l) {
	struct report r;

	fixture_send(l, HANDOFF_LOCK);
	assert_true(fixture_receive(l, &r));
	assert_int_equal(r.kind, REPORT_LOCKED);
	if (r.error)
		fail_msg("%s: %s", r.step, r.text);
	assert_true(r.locked_bytes > 4 << 20 && r.unlocked_bytes <= 128 << 10);
}

static void waits_go_on_over_a_lock_at_ready(void **state) {
	static const char *const waits[] = { "sleep", "epoll" };

	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		_cleanup_plan_ struct plan p = { 0 };
		struct launched l;
		struct outcome o;
		pid_t helper;

		start_waiting(&p, waits[i], "500", &l, &helper);
		for (int n = 0; n < 5; n++)
			assert_late(&l);
		fixture_finish(&l, &o);
		assert_started(&o);
		assert_int_equal(output_number(&o, "wait"), 0);
		assert_true(output_number(&o, "late") > 4096);
	}
}

static void no_signal_is_lost_over_locks(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct outcome o;
	pid_t helper;
	int done = 0;

	start_waiting(&p, "signals", SIGNALS, &l, &helper);
	for (int n = 0; n < LATE_LOCKS; n++) {
		struct report r;

		/* rarely no thread waits in all its rounds */
		if (send(l.socket, &(char){ HANDOFF_LOCK }, 1, MSG_NOSIGNAL) != 1 ||
			!fixture_receive(&l, &r))
			break;
		assert_int_equal(r.kind, REPORT_LOCKED);
		if (r.error)
			print_message("%s\n", r.text);
		done += r.error == 0;
	}
	fixture_finish(&l, &o);
	assert_started(&o);
	print_message("%d locks between %s signals\n", done, SIGNALS);
	assert_true(done > 0);
	assert_int_equal(output_number(&o, "answered"), atoi(SIGNALS));
}

static bool one_late_kill(int n) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct outcome o;
	pid_t helper;
	bool killed;

	/* long enough that a busy machine holds the helper before the sleep is over */
	start_waiting(&p, "sleep", "150", &l, &helper);
	hold(helper);
	fixture_send(&l, HANDOFF_LOCK);
	killed = kill_at(helper, n, &l, REPORT_LOCKED);
	fixture_finish(&l, &o);
	if (o.status != 0)
		fail_msg("killed at edge %d, the program ended with %d: %s", n, o.status, o.err);
	assert_int_equal(output_number(&o, "wait"), 0);
	return killed;
}

static void its_death_while_it_locks_late_leaves_the_program_alone(void **state) {
	int n = 1;

	while (n < ROUNDS && one_late_kill(n))
		n++;
	assert_in_range(n, 20, ROUNDS - 1);
	print_message("%d kills\n", n - 1);
}
#endif

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_static_program_is_locked_and_notices_nothing),
		cmocka_unit_test(registers_and_stack_are_those_of_any_start),
		cmocka_unit_test(other_locks_hold_as_well),
		cmocka_unit_test(a_dynamic_program_can_be_prepared_so_too),
		cmocka_unit_test(without_a_daemon_it_works_the_same),
		cmocka_unit_test(strict_ends_the_program_with_the_cause),
		cmocka_unit_test(strict_wants_room_for_a_thread),
		cmocka_unit_test(other_locks_let_it_run_and_say_so),
		cmocka_unit_test(a_filter_is_named),
		cmocka_unit_test(without_the_right_to_trace_strict_closes),
		cmocka_unit_test(its_death_at_any_step_leaves_the_program_alone),
#if defined(__x86_64__)
		cmocka_unit_test(waits_go_on_over_a_lock_at_ready),
		cmocka_unit_test(no_signal_is_lost_over_locks),
		cmocka_unit_test(its_death_while_it_locks_late_leaves_the_program_alone),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
