/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Environment files: what systemd reads from them is read, and what it would pass over is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/strv.h"
#include "libpolicy/environment-file.h"

static void read_text(const char *text, char ***ret) {
	struct environment_problem problem = { .line = 0 };

	assert_int_equal(environment_file_parse(text, strlen(text), ret, &problem), 0);
	assert_int_equal(problem.line, 0);
}

#define assert_value(text, expected) assert_value_of(text, "A", expected)
static void assert_value_of(const char *text, const char *key, const char *expected) {
	_cleanup_strv_ char **v = NULL;

	read_text(text, &v);
	assert_non_null(strv_env_get(v, key));
	assert_string_equal(strv_env_get(v, key), expected);
}

static void assert_refused_len(const char *text, size_t len, unsigned line, const char *part) {
	struct environment_problem problem = { .line = 0 };
	_cleanup_strv_ char **v = NULL;

	assert_int_equal(environment_file_parse(text, len, &v, &problem), -EINVAL);
	assert_int_equal(problem.line, line);
	assert_non_null(strstr(problem.text, part));
}

static void assert_refused(const char *text, unsigned line, const char *part) {
	assert_refused_len(text, strlen(text), line, part);
}

static void assignments_are_read_in_their_order(void **state) {
	_cleanup_strv_ char **v = NULL;

	read_text("A=1\nB=two words\n\nC=\n", &v);
	assert_int_equal(strv_length(v), 3);
	assert_string_equal(v[0], "A=1");
	assert_string_equal(v[1], "B=two words");
	assert_string_equal(v[2], "C=");
}

static void the_later_wins_over_files(void **state) {
	_cleanup_strv_ char **v = NULL;

	read_text("A=1\nB=2\n", &v);
	read_text("A=3\n", &v);
	assert_int_equal(strv_length(v), 2);
	assert_string_equal(strv_env_get(v, "A"), "3");
}

static void comments_and_empty_lines_say_nothing(void **state) {
	_cleanup_strv_ char **v = NULL;

	read_text("# A=1\n  ; B=2\n\t\n# ends with a backslash \\\nC=3\n#", &v);
	assert_int_equal(strv_length(v), 1);
	assert_string_equal(v[0], "C=3");
}

static void a_comment_sign_within_a_value_is_part_of_it(void **state) {
	assert_value("A=1 # one\n", "1 # one");
	assert_value("A=http://host/#top;x\n", "http://host/#top;x");
}

static void white_space_around_a_value_goes(void **state) {
	assert_value("  A = b c \t\n", "b c");
	assert_value("A=b\r\n", "b");
	assert_value("A=b\\ \n", "b ");
}

static void quotes_keep_white_space(void **state) {
	assert_value("A=\" b \"\n", " b ");
	assert_value("A=' b '  \n", " b ");
	assert_value("A=\"b\"'c'd\n", "bcd");
	assert_value("A=\"\"\n", "");
	assert_value("A=\"one\ntwo\"\n", "one\ntwo");
}

static void backslashes_are_those_of_the_shell(void **state) {
	assert_value("A=\"a\\\"b\\\\c\\$d\\`e\\nf\"\n", "a\"b\\c$d`e\\nf");
	assert_value("A='a\\b'\n", "a\\b");
	assert_value("A=a\\\"b\\c\n", "a\"bc");
	assert_value("A=one\\\ntwo\n", "onetwo");
	assert_value("A=\"one\\\ntwo\"\n", "onetwo");
	assert_value("A=b\\", "b");
}

static void nothing_is_expanded(void **state) {
	assert_value("A=$HOME ${B} %h `id`\n", "$HOME ${B} %h `id`");
}

static void lines_are_counted_over_values_of_several(void **state) {
	assert_refused("A=\"1\n2\n3\"\nB\n", 4, "there is no =");
	assert_refused("A=1\\\n2\nB\n", 3, "there is no =");
}

static void what_systemd_passes_over_is_refused(void **state) {
	assert_refused("A=1\nnonsense\n", 2, "there is no =");
	assert_refused("A", 1, "there is no =");
	assert_refused("1A=2\n", 1, "no name of a variable");
	assert_refused("=2\n", 1, "no name of a variable");
	assert_refused("A-B=2\n", 1, "no name of a variable");
	assert_refused("export A=2\n", 1, "`export` belongs to the shell");
	assert_refused("\n\nA=\"b\nc\n", 3, "double quote");
	assert_refused("A='b\n", 1, "single quote");
	assert_refused("A=\"b\" c\n", 1, "behind the closing quote");
	assert_refused("A=\"b\" # c\n", 1, "behind the closing quote");
}

static void what_rtmem_sets_itself_is_refused(void **state) {
	assert_refused("NOTIFY_SOCKET=/x\n", 1, "NOTIFY_SOCKET is set by rtmem itself");
	assert_refused("A=1\nRTMEM_INIT=1\n", 2, "RTMEM_INIT is set by rtmem itself");
}

static void what_is_no_text_is_refused(void **state) {
	assert_refused("A=1\nB=\xff\n", 2, "UTF-8");
	assert_refused_len("A=1\nB=a\0b\n", sizeof("A=1\nB=a\0b\n") - 1, 2, "zero byte");
}

static void too_many_variables_are_refused(void **state) {
	static char text[64 * 1024];
	size_t used = 0;

	for (int i = 0; i < 1025; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "A%d=\n", i);
	assert_refused(text, 1025, "too many");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments_are_read_in_their_order),
		cmocka_unit_test(the_later_wins_over_files),
		cmocka_unit_test(comments_and_empty_lines_say_nothing),
		cmocka_unit_test(a_comment_sign_within_a_value_is_part_of_it),
		cmocka_unit_test(white_space_around_a_value_goes),
		cmocka_unit_test(quotes_keep_white_space),
		cmocka_unit_test(backslashes_are_those_of_the_shell),
		cmocka_unit_test(nothing_is_expanded),
		cmocka_unit_test(lines_are_counted_over_values_of_several),
		cmocka_unit_test(what_systemd_passes_over_is_refused),
		cmocka_unit_test(what_rtmem_sets_itself_is_refused),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(too_many_variables_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
