/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: steps in order, with names that go both ways and a line for people. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "common/plan.h"
#include "common/units.h"

static void every_kind_has_a_name_that_leads_back(void **state) {
	for (int i = 0; i < STEP_KIND_MAX; i++) {
		const char *name = step_kind_to_string((enum step_kind)i);

		assert_non_null(name);
		assert_int_equal(step_kind_from_string(name), i);
	}
	assert_null(step_kind_to_string(STEP_KIND_MAX));
	assert_int_equal(step_kind_from_string("no-such-step"), -EINVAL);
}

static void every_limit_has_a_name_that_leads_back(void **state) {
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		assert_non_null(rlimit_to_string(i));
		assert_int_equal(rlimit_from_string(rlimit_to_string(i)), i);
	}
	assert_null(rlimit_to_string(-1));
	assert_null(rlimit_to_string((int)RLIM_NLIMITS));
	assert_int_equal(rlimit_from_string("memory"), -EINVAL);
}

static void schedulers_have_names(void **state) {
	assert_string_equal(scheduler_to_string(SCHED_FIFO), "fifo");
	assert_string_equal(scheduler_to_string(SCHED_OTHER), "other");
	assert_null(scheduler_to_string(-1));
	assert_null(scheduler_to_string(99));
}

static void steps_keep_their_order_and_own_their_texts(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	char text[] = "one";

	for (int i = 0; i < 100; i++)
		assert_non_null(plan_append(&p, STEP_ARGUMENT, "command", text));
	text[0] = 'x';
	assert_int_equal(p.n_steps, 100);
	assert_string_equal(p.steps[99].text, "one");
	assert_string_equal(p.steps[0].key, "command");
	assert_null(p.steps[0].why);
	assert_false(p.steps[0].optional);
}

static const char *describe(struct step s, char buf[static 128]) {
	return step_describe(&s, buf, 128);
}

static void limits_are_described_in_their_unit(void **state) {
	struct step s = { .kind = STEP_RLIMIT };
	char buf[128];

	s.number[0] = RLIMIT_MEMLOCK;
	s.number[1] = 64 << 20;
	s.number[2] = (int64_t)BYTES_UNLIMITED;
	assert_non_null(strstr(describe(s, buf), "soft 64M, hard unlimited"));
	s.number[0] = RLIMIT_NOFILE;
	s.number[1] = s.number[2] = 1024;
	assert_non_null(strstr(describe(s, buf), "soft 1024, hard 1024"));
}

static void every_step_has_a_description(void **state) {
	for (int i = 0; i < STEP_KIND_MAX; i++) {
		struct step s = { .kind = (enum step_kind)i };
		char buf[128] = "";

		assert_int_not_equal(strlen(describe(s, buf)), 0);
	}
}

static void a_long_text_is_cut_not_overrun(void **state) {
	char text[500], buf[128];
	struct step s = { .kind = STEP_ARGUMENT, .text = text };

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(describe(s, buf)), sizeof(buf) - 1);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_name_that_leads_back),
		cmocka_unit_test(every_limit_has_a_name_that_leads_back),
		cmocka_unit_test(schedulers_have_names),
		cmocka_unit_test(steps_keep_their_order_and_own_their_texts),
		cmocka_unit_test(limits_are_described_in_their_unit),
		cmocka_unit_test(every_step_has_a_description),
		cmocka_unit_test(a_long_text_is_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
