/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmem-exec on the real kernel: every step by its effect on the program, every failure by its words. */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/names.h"
#include "common/units.h"
#include "launch-fixture.h"

static void run_facts(struct plan *p, enum fixture_mode mode, struct outcome *o) {
	add_command(p, fixture_program("facts"), NULL);
	fixture_run(p, mode, NULL, o);
	assert_started(o);
}

static void limits_are_set_soft_and_hard(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_CORE, 0, 0);
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_NOFILE, 123, 456);
	run_facts(&p, WITH_SOCKET, &o);
	assert_says(o.out, "Max core file size        0                    0 ");
	assert_says(o.out, "Max open files            123                  456 ");
	assert_int_equal(o.n_reports, 0);
}

static void an_optional_limit_that_cannot_be_raised_is_a_note(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;
	struct step *s;
	const struct report *note;

	/* lower it first: only CAP_SYS_RESOURCE could raise it again, and an ordinary user hasn't it */
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_NOFILE, 100, 200);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_CAPABILITIES, NULL, 0, 0, 0);
	s = add_step(&p, STEP_RLIMIT, NULL, RLIMIT_NOFILE, 300, 300);
	s->optional = true;
	s->why = strdup("doesn't bind here");
	add_command(&p, "/bin/cat", "/proc/self/limits", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_says(o.out, "Max open files            200                  200 ");
	note = find_report(&o, REPORT_EXEC_NOTE);
	assert_non_null(note);
	assert_int_equal(note->error, EPERM);
	assert_string_equal(note->step, "rlimit");
	assert_string_equal(note->text, "doesn't bind here");
}

static void a_limit_that_must_be_raised_and_cannot_ends_the_launch(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *failed;
	struct outcome o;

	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_NOFILE, 100, 200);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_CAPABILITIES, NULL, 0, 0, 0);
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_NOFILE, 300, 300);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "/bin/true not started");
	assert_says(o.err, "CAP_SYS_RESOURCE");
	failed = find_report(&o, REPORT_EXEC_FAILED);
	assert_non_null(failed);
	assert_int_equal(failed->error, EPERM);
	assert_string_equal(failed->step, "rlimit");
	assert_says(failed->text, "limits.nofile");
}

static void where_and_when_it_runs(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_text(&p, STEP_AFFINITY, "0");
	add_step(&p, STEP_SCHEDULER, NULL, SCHED_FIFO, 7, 0);
	add_step(&p, STEP_OOM_SCORE, NULL, 321, 0, 0);
	add_step(&p, STEP_THP_DISABLE, NULL, 0, 0, 0);
	add_text(&p, STEP_DIRECTORY, "/proc");
	run_facts(&p, WITH_SOCKET, &o);
	assert_int_equal(output_number(&o, "policy"), SCHED_FIFO);
	assert_int_equal(output_number(&o, "priority"), 7);
	assert_int_equal(output_number(&o, "thp_disabled"), 1);
	assert_says(o.out, "cwd=/proc\n");
	assert_says(o.out, "\n321\n");
	assert_says(o.out, "Cpus_allowed_list:\t0\n");
}

static void the_mask_of_permissions_is_set(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_step(&p, STEP_UMASK, NULL, 0037, 0, 0);
	add_command(&p, "/bin/cat", "/proc/self/status", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_says(o.out, "Umask:\t0037\n");
}

static void nice_and_other_scheduling(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_step(&p, STEP_SCHEDULER, NULL, SCHED_BATCH, 0, 3);
	run_facts(&p, WITH_SOCKET, &o);
	assert_int_equal(output_number(&o, "policy"), SCHED_BATCH);
	assert_int_equal(output_number(&o, "nice"), 3);
}

static void a_cpu_that_is_not_there_is_refused(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_text(&p, STEP_AFFINITY, "0,1000");
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "CPU 1000");
}

static void realtime_without_the_right_names_the_right(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_RTPRIO, 0, 0);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_CAPABILITIES, NULL, 0, 0, 0);
	add_step(&p, STEP_SCHEDULER, NULL, SCHED_FIFO, 50, 0);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "CAP_SYS_NICE");
	assert_says(o.err, "raise the limit to 50");
}

static void a_user_with_ambient_capabilities_and_groups(void **state) {
	const int64_t mask = (int64_t)1 << CAP_IPC_LOCK | (int64_t)1 << CAP_SYS_NICE;
	_cleanup_plan_ struct plan p = { 0 };
	char line[64];
	struct outcome o;

	add_step(&p, STEP_GROUPS, "7,9", NOBODY, 0, 0);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_CAPABILITIES, NULL, mask, 0, 0);
	add_command(&p, "/bin/cat", "/proc/self/status", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_says(o.out, "Uid:\t65534\t65534\t65534\t65534\n");
	assert_says(o.out, "Gid:\t65534\t65534\t65534\t65534\n");
	assert_says(o.out, "Groups:\t7 9 \n");
	for (const char *const *set = (const char *const[]){ "Inh", "Prm", "Eff", "Amb", NULL };
		*set; set++) {
		snprintf(line, sizeof(line), "Cap%s:\t%016llx\n", *set, (unsigned long long)mask);
		assert_says(o.out, line);
	}
}

static void a_user_without_capabilities_has_none(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_step(&p, STEP_GROUPS, NULL, NOBODY, 0, 0);
	add_step(&p, STEP_USER, NULL, NOBODY, 0, 0);
	add_command(&p, "/bin/cat", "/proc/self/status", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_says(o.out, "Groups:\t \n");
	assert_says(o.out, "CapPrm:\t0000000000000000\n");
	assert_says(o.out, "CapEff:\t0000000000000000\n");
	assert_says(o.out, "CapAmb:\t0000000000000000\n");
}

static void the_environment_is_the_plans(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	assert_int_equal(setenv("RTMEM_TEST_LEAK", "1", 1), 0);
	add_text(&p, STEP_ENV_CLEAR, NULL);
	add_text(&p, STEP_ENV_SET, "A=first");
	add_text(&p, STEP_ENV_SET, "A=second=x");
	add_text(&p, STEP_ENV_SET, "B=");
	add_text(&p, STEP_ENV_SET, "C=1");
	add_text(&p, STEP_ENV_UNSET, "C");
	run_facts(&p, WITH_SOCKET, &o);
	assert_says(o.out, "env:A=second=x\nenv:B=\n");
	assert_null(strstr(o.out, "env:C"));
	assert_null(strstr(o.out, "RTMEM_TEST_LEAK"));
}

static void in_the_foreground_the_environment_and_descriptors_stay(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	assert_int_equal(setenv("RTMEM_TEST_LEAK", "1", 1), 0);
	run_facts(&p, IN_FOREGROUND, &o);
	assert_says(o.out, "env:RTMEM_TEST_LEAK=1\n");
	assert_says(o.out, "fd=9\n");
	assert_null(strstr(o.out, "fd=4\n")); /* the plan itself */
}

static void nothing_of_the_daemon_leaks_into_the_program(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	sigset_t block, old;
	struct outcome o;

	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &old), 0);
	run_facts(&p, WITH_SOCKET, &o);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_says(o.out, "SigBlk:\t0000000000000000\n");
	assert_says(o.out, "SigIgn:\t0000000000000000\n");
	assert_null(strstr(o.out, "fd=4\n"));
	assert_null(strstr(o.out, "fd=9\n"));
}

static void the_program_waits_for_the_go(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct pollfd out;
	struct outcome o;

	add_command(&p, "/bin/echo", "running", NULL);
	fixture_start(&p, WITH_SOCKET, NULL, &l);
	out = (struct pollfd){ .fd = l.out, .events = POLLIN };
	assert_int_equal(poll(&out, 1, 300), 0);
	fixture_send(&l, HANDOFF_GO);
	fixture_finish(&l, &o);
	assert_string_equal(o.out, "running\n");
	assert_int_equal(o.status, 0);
}

static void without_the_launcher_nothing_starts(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launched l;
	struct outcome o;

	add_command(&p, "/bin/echo", "running", NULL);
	fixture_start(&p, WITH_SOCKET, NULL, &l);
	l.socket = close_fd(l.socket);
	fixture_finish(&l, &o);
	assert_string_equal(o.out, "");
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "launcher went away");
}

static void exit_statuses_are_those_of_env(void **state) {
	static const struct {
		const char *file, *argument;
		int status;
	} rows[] = {
		{ "/bin/true", NULL, 0 },
		{ "/bin/false", NULL, 1 },
		{ "true", NULL, 0 },
		{ "/no/such/program", NULL, EXIT_NOT_FOUND },
		{ "no-such-program", NULL, EXIT_NOT_FOUND },
		{ "/etc/passwd", NULL, EXIT_CANT_INVOKE },
		{ "/etc", NULL, EXIT_CANT_INVOKE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_plan_ struct plan p = { 0 };
		struct outcome o;

		add_command(&p, rows[i].file, NULL);
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		if (o.status != rows[i].status)
			fail_msg("%s: %d instead of %d", rows[i].file, o.status, rows[i].status);
		if (rows[i].status >= EXIT_CANT_INVOKE)
			assert_non_null(find_report(&o, REPORT_EXEC_FAILED));
	}
}

static void the_new_environments_path_is_searched(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_text(&p, STEP_ENV_SET, "PATH=/nowhere");
	add_command(&p, "true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, EXIT_NOT_FOUND);
}

static void a_plan_without_a_program_is_refused(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	add_text(&p, STEP_ENV_SET, "A=1");
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "names no program");
}

static void a_library_nobody_can_read_closes_a_strict_run(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	const struct init_order order = { .lock = INIT_LOCK_STRICT, .report_fd = -1 };
	struct outcome o;

	add_protection(&p, "/no/such/librtmem-init.so", &order);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, IN_FOREGROUND, NULL, &o);
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "can't read the library");
}

static void a_static_program_closes_a_strict_launch_and_says_so(void **state) {
	struct init_order order = { .lock = INIT_LOCK_STRICT, .report_fd = FIXTURE_REPORT_FD };
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *failed;
	struct outcome o;

	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("static"), NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	if (o.status == EXIT_NOT_FOUND)
		skip(); /* the C library can't be linked statically here */
	assert_int_equal(o.status, EXIT_LAUNCH_FAILED);
	assert_says(o.err, "linked statically");
	failed = find_report(&o, REPORT_EXEC_FAILED);
	assert_non_null(failed);
	assert_says(failed->text, "linked statically");
}

static void a_static_program_runs_unprotected_where_the_policy_is_not_strict(void **state) {
	struct init_order order = { .lock = INIT_LOCK_ONFAULT, .report_fd = FIXTURE_REPORT_FD };
	_cleanup_plan_ struct plan p = { 0 };
	const struct report *note;
	struct outcome o;

	add_protection(&p, fixture_library(), &order);
	add_command(&p, fixture_program("static"), NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	if (o.status == EXIT_NOT_FOUND)
		skip();
	assert_int_equal(o.status, 0);
	note = find_report(&o, REPORT_EXEC_NOTE);
	assert_non_null(note);
	assert_says(note->text, "linked statically");
	assert_null(find_report(&o, REPORT_INIT));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_set_soft_and_hard),
		cmocka_unit_test(an_optional_limit_that_cannot_be_raised_is_a_note),
		cmocka_unit_test(a_limit_that_must_be_raised_and_cannot_ends_the_launch),
		cmocka_unit_test(where_and_when_it_runs),
		cmocka_unit_test(the_mask_of_permissions_is_set),
		cmocka_unit_test(nice_and_other_scheduling),
		cmocka_unit_test(a_cpu_that_is_not_there_is_refused),
		cmocka_unit_test(realtime_without_the_right_names_the_right),
		cmocka_unit_test(a_user_with_ambient_capabilities_and_groups),
		cmocka_unit_test(a_user_without_capabilities_has_none),
		cmocka_unit_test(the_environment_is_the_plans),
		cmocka_unit_test(in_the_foreground_the_environment_and_descriptors_stay),
		cmocka_unit_test(nothing_of_the_daemon_leaks_into_the_program),
		cmocka_unit_test(the_program_waits_for_the_go),
		cmocka_unit_test(without_the_launcher_nothing_starts),
		cmocka_unit_test(exit_statuses_are_those_of_env),
		cmocka_unit_test(the_new_environments_path_is_searched),
		cmocka_unit_test(a_plan_without_a_program_is_refused),
		cmocka_unit_test(a_library_nobody_can_read_closes_a_strict_run),
		cmocka_unit_test(a_static_program_closes_a_strict_launch_and_says_so),
		cmocka_unit_test(a_static_program_runs_unprotected_where_the_policy_is_not_strict),
	};

	if (geteuid() != 0) {
		puts("skipped: changing users and limits needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
