/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who a process is, by texts of the kernel and by ourselves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/kin.h"

#define REST " 1 12 12 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 987654 3000 200 0\n"

static void the_fields_are_those_of_proc(void **state) {
	struct kin k;

	assert_return_code(kin_parse("12 (sleep) S 7 12 11 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 "
				     "987654 3000 200 0\n",
				   &k),
		0);
	assert_string_equal(k.name, "sleep");
	assert_int_equal(k.state, 'S');
	assert_int_equal(k.parent, 7);
	assert_int_equal(k.session, 11);
	assert_int_equal(k.start_ticks, 987654);
	assert_false(kin_has_ended(&k));
}

static void a_name_may_contain_anything(void **state) {
	static const struct {
		const char *text;
		const char *name;
	} rows[] = {
		{ "12 (a) b (c) Z" REST, "a) b (c" },
		{ "12 (() Z" REST, "(" },
		{ "12 ()) Z" REST, ")" },
		{ "12 () Z" REST, "" },
		{ "12 (a\nb\033c) Z" REST, "a?b?c" },
		{ "12 (a name of more than fifteen) Z" REST, "a name of more " },
		{ "12 (1 2 3 S 4 5) Z" REST, "1 2 3 S 4 5" },
	};
	struct kin k;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_return_code(kin_parse(rows[i].text, &k), 0);
		assert_string_equal(k.name, rows[i].name);
		assert_true(kin_has_ended(&k));
		assert_int_equal(k.parent, 1);
		assert_int_equal(k.start_ticks, 987654);
	}
}

static void what_isnt_whole_is_refused(void **state) {
	static const char *const texts[] = { "", "12", "12 sleep S" REST, "12 )( S" REST,
		"12 (sleep)", "12 (sleep) S 7 12 11 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0",
		"12 (sleep) S -7 12 11 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 9 3 2",
		"12 (sleep) S 99999999999 12 11 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 9 3 2" };
	struct kin k;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (kin_parse(texts[i], &k) == 0)
			fail_msg("taken: %s", texts[i]);
}

static void an_assignment_is_found_as_a_whole(void **state) {
	static const char block[] = "A=1\0RTMEM_PROCESS=camera\0B=\0LAST=x";

	assert_true(environment_has(block, sizeof(block) - 1, "RTMEM_PROCESS=camera"));
	assert_true(environment_has(block, sizeof(block) - 1, "A=1"));
	assert_true(environment_has(block, sizeof(block) - 1, "B="));
	assert_true(environment_has(block, sizeof(block) - 1, "LAST=x"));
	assert_false(environment_has(block, sizeof(block) - 1, "RTMEM_PROCESS=cam"));
	assert_false(environment_has(block, sizeof(block) - 1, "RTMEM_PROCESS=camera2"));
	assert_false(environment_has(block, sizeof(block) - 1, "PROCESS=camera"));
	assert_false(environment_has(block, 0, "A=1"));
	assert_false(environment_has("", 0, ""));
}

static void we_are_who_we_are(void **state) {
	struct kin k;

	assert_return_code(kin_read(getpid(), &k), 0);
	assert_int_equal(k.pid, getpid());
	assert_int_equal(k.parent, getppid());
	assert_int_equal(k.session, getsid(0));
	assert_false(kin_has_ended(&k));
	assert_int_equal(kin_read(0x7ffffff0, &k), -ESRCH);
}

static void a_zombie_has_ended(void **state) {
	siginfo_t info;
	struct kin k;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_return_code(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_return_code(kin_read(pid, &k), 0);
	assert_int_equal(k.parent, getpid());
	assert_true(kin_has_ended(&k));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int find_self(pid_t pid, void *userdata) {
	bool *found = userdata;

	*found |= pid == getpid();
	return *found;
}

static void we_are_among_all(void **state) {
	bool found = false;

	assert_int_equal(kin_each(find_self, &found), 1);
	assert_true(found);
}

static void our_environment_can_be_read(void **state) {
	char *block = NULL;
	size_t size;

	assert_return_code(environment_read(getpid(), &block, &size), 0);
	free(block);
	assert_true(environment_read(0x7ffffff0, &block, &size) < 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_are_those_of_proc),
		cmocka_unit_test(a_name_may_contain_anything),
		cmocka_unit_test(what_isnt_whole_is_refused),
		cmocka_unit_test(an_assignment_is_found_as_a_whole),
		cmocka_unit_test(we_are_who_we_are),
		cmocka_unit_test(a_zombie_has_ended),
		cmocka_unit_test(we_are_among_all),
		cmocka_unit_test(our_environment_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
