/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/facts.h"

static char root[] = "root", zero[] = "0", nobody_there[] = "no-such-user-here", high[] = "64999";

static void without_a_user_the_program_is_ours(void **state) {
	struct process_policy p = { 0 };
	struct launch_problem problem;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&p, &f, &problem), 0);
	assert_false(f.launch.user_resolved);
	assert_int_equal(f.launch.uid, geteuid());
	assert_int_equal(f.launch.gid, getegid());
	assert_int_equal(f.launch.launcher_uid, geteuid());
	assert_int_equal(f.launch.report_fd, -1);
	assert_int_equal(f.launch.n_groups, getgroups(0, NULL));
	assert_false(f.launch.foreground);
}

static void limits_and_rights_are_the_kernels(void **state) {
	struct process_policy p = { 0 };
	struct launch_problem problem;
	struct rlimit memlock;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&p, &f, &problem), 0);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &memlock), 0);
	assert_int_equal(f.launch.limits[RLIMIT_MEMLOCK].rlim_max, memlock.rlim_max);
	assert_int_equal(f.launch.capabilities_effective & ~f.launch.capabilities_bounding, 0);
}

static void a_user_is_found_by_name_and_by_number(void **state) {
	struct process_policy by_name = { .user = root }, by_number = { .user = zero };
	struct launch_problem problem;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&by_name, &f, &problem), 0);
	assert_true(f.launch.user_resolved);
	assert_int_equal(f.launch.uid, 0);
	assert_string_equal(f.launch.login, "root");
	assert_string_equal(f.launch.home, "/root");
	assert_int_equal(facts_gather(&by_number, &f, &problem), 0);
	assert_string_equal(f.launch.login, "root");
}

static void an_unknown_user_is_a_problem_of_the_key(void **state) {
	struct process_policy p = { .user = nobody_there };
	struct launch_problem problem;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&p, &f, &problem), -ENOENT);
	assert_string_equal(problem.key, "user");
	assert_non_null(strstr(problem.text, "no-such-user-here"));
}

static void a_number_outside_the_database_needs_a_group(void **state) {
	struct process_policy p = { .user = high };
	struct launch_problem problem;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&p, &f, &problem), -ENOENT);
	assert_non_null(strstr(problem.text, "`group`"));
	p.group = zero;
	assert_int_equal(facts_gather(&p, &f, &problem), 0);
	assert_int_equal(f.launch.uid, 64999);
	assert_int_equal(f.launch.n_groups, 0);
	assert_null(f.launch.login);
}

static void groups_are_resolved_one_by_one(void **state) {
	char *groups[] = { zero, high, NULL }, *unknown[] = { nobody_there, NULL };
	struct process_policy p = { .groups = groups };
	struct launch_problem problem;
	_cleanup_facts_ struct facts f = { .login = "" };

	assert_int_equal(facts_gather(&p, &f, &problem), 0);
	assert_int_equal(f.launch.n_groups, 2);
	assert_int_equal(f.launch.groups[1], 64999);
	p.groups = unknown;
	assert_int_equal(facts_gather(&p, &f, &problem), -ENOENT);
	assert_string_equal(problem.key, "groups");
	p.groups = NULL;
	p.group = nobody_there;
	assert_int_equal(facts_gather(&p, &f, &problem), -ENOENT);
	assert_string_equal(problem.key, "group");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_user_the_program_is_ours),
		cmocka_unit_test(limits_and_rights_are_the_kernels),
		cmocka_unit_test(a_user_is_found_by_name_and_by_number),
		cmocka_unit_test(an_unknown_user_is_a_problem_of_the_key),
		cmocka_unit_test(a_number_outside_the_database_needs_a_group),
		cmocka_unit_test(groups_are_resolved_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
