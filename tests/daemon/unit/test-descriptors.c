/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gets how many descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/launch/descriptors.h"

static rlim_t soft(void) {
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit.rlim_cur;
}

static void the_daemon_has_all_and_a_child_what_we_were_given(void **state) {
	struct rlimit before;
	struct descriptors d;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 256, before.rlim_max }), 0);
	descriptors_init(&d);
	assert_int_equal(soft(), before.rlim_max);
	descriptors_use(&d, DESCRIPTORS_CHILD);
	assert_int_equal(soft(), 256);
	descriptors_use(&d, DESCRIPTORS_PROCESS);
	assert_true(soft() == RLIM_INFINITY || soft() < before.rlim_max);
	descriptors_use(&d, DESCRIPTORS_DAEMON);
	assert_int_equal(soft(), before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void a_part_is_kept_back(void **state) {
	const struct descriptors many = { { 1024, 20000 }, true }, few = { { 100, 100 }, true };
	const struct descriptors not_raised = { { 1024, 20000 }, false };
	const struct descriptors unlimited = { { 1024, RLIM_INFINITY }, true };

	assert_int_equal(descriptors_for_processes(&many), 20000 - 160);
	assert_int_equal(descriptors_for_processes(&few), 75);
	assert_int_equal(descriptors_for_processes(&not_raised), 1024 - 160);
	assert_int_equal(descriptors_for_processes(&unlimited), SIZE_MAX);
}

static void each_cpu_takes_two_of_each_process(void **state) {
	size_t one = descriptors_needed(1, 1) - descriptors_needed(0, 1);

	assert_int_equal(descriptors_needed(1000, 1) - descriptors_needed(0, 1), 1000 * one);
	assert_int_equal(descriptors_needed(1000, 64) - descriptors_needed(1000, 1), 1000 * 63 * 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_daemon_has_all_and_a_child_what_we_were_given),
		cmocka_unit_test(a_part_is_kept_back),
		cmocka_unit_test(each_cpu_takes_two_of_each_process),
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
