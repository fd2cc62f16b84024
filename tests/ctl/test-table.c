/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables and text on terminals of any width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/table.h"
#include "ctl/terminal.h"

#define E_ACUTE	 "\xc3\xa9"
#define ELLIPSIS "\xe2\x80\xa6"
#define KANJI	 "\xe6\xbc\xa2"

static const struct table_column columns[] = {
	{ .title = "NAME", .shrink = true },
	{ .title = "N", .right = true },
	{ .title = "MORE", .optional = true },
};

static char *print(struct table *t, size_t width, bool colour) {
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(table_print(t, out, width, 0, colour), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check(struct table *t, size_t width, const char *expected) {
	char *text = print(t, width, false);

	assert_string_equal(text, expected);
	free(text);
}

static void fill(struct table *t, const char *name) {
	table_init(t, columns, ARRAY_LEN(columns));
	table_cell(t, COLOUR_NONE, "%s", name);
	table_cell(t, COLOUR_RED, "%d", 7);
	table_cell(t, COLOUR_NONE, "%s", "something");
}

static void columns_are_as_wide_as_their_longest_cell(void **state) {
	_cleanup_table_ struct table t;

	fill(&t, "camera");
	table_cell(&t, COLOUR_NONE, "a");
	table_cell(&t, COLOUR_NONE, "1234");
	table_cell(&t, COLOUR_NONE, "%s", "");
	check(&t, 0, "NAME       N  MORE\ncamera     7  something\na       1234\n");
}

static void accents_count_as_one_column(void **state) {
	_cleanup_table_ struct table t;

	fill(&t, "cam" E_ACUTE "ra");
	check(&t, 0, "NAME    N  MORE\ncam" E_ACUTE "ra  7  something\n");
}

static void optional_columns_go_before_a_name_becomes_unreadable(void **state) {
	_cleanup_table_ struct table t;

	fill(&t, "a-name-that-is-thirty-characters");
	check(&t, 27, "NAME                      N\na-name-that-is-thirty-c" ELLIPSIS "  7\n");
}

static void a_name_is_cut_no_shorter_than_eight(void **state) {
	_cleanup_table_ struct table t;

	fill(&t, "a-name-that-is-thirty-characters");
	check(&t, 5, "NAME      N\na-name-" ELLIPSIS "  7\n");
}

static void a_wide_character_is_never_halved(void **state) {
	_cleanup_table_ struct table t;

	fill(&t, KANJI KANJI KANJI KANJI KANJI KANJI);
	/* eight columns: three of two each, the ellipsis, one left over */
	check(&t, 11, "NAME      N\n" KANJI KANJI KANJI ELLIPSIS "   7\n");
}

static void colour_surrounds_text_without_moving_it(void **state) {
	_cleanup_table_ struct table t;
	char *text;

	fill(&t, "camera");
	text = print(&t, 0, true);
	assert_non_null(strstr(text, "camera  \033[31m7\033[0m  something\n"));
	free(text);
}

static void control_characters_never_reach_the_terminal(void **state) {
	_cleanup_table_ struct table t;

	fill(&t,
		"a\033[2Jb\nc\r\x7f\xc2\x9b"
		"1m\xff\xe2\x80\xae");
	check(&t, 0,
		"NAME                N  MORE\na?[2Jb?c???"
		"?1m????  7  something\n");
}

static void a_table_without_titles_has_no_heading(void **state) {
	static const struct table_column bare[] = { { .title = NULL } };
	_cleanup_table_ struct table t;

	table_init(&t, bare, 1);
	check(&t, 0, "");
	table_cell(&t, COLOUR_NONE, "x");
	check(&t, 0, "x\n");
}

static void clean_text_is_left_alone(void **state) {
	char text[] = "Kamera " E_ACUTE " " KANJI " ~!";
	char *copy = strdup(text);

	text_clean(text);
	assert_string_equal(text, copy);
	free(copy);
}

static void width_of_invalid_text_is_one_per_byte(void **state) {
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("abc"), 3);
	assert_int_equal(text_width("\xff\xfe"), 2);
	assert_int_equal(text_width("\xc3"), 1);
	assert_int_equal(text_width("\xe2\x80"), 2);
	assert_int_equal(text_width(KANJI), 2);
	assert_int_equal(text_width("e\xcc\x81"), 1); /* combining */
}

static void columns_of_the_environment_win(void **state) {
	setenv("COLUMNS", "33", 1);
	assert_int_equal(terminal_width(stdout), 33);
	setenv("COLUMNS", "many", 1);
	(void)terminal_width(stdout);
	unsetenv("COLUMNS");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_longest_cell),
		cmocka_unit_test(accents_count_as_one_column),
		cmocka_unit_test(optional_columns_go_before_a_name_becomes_unreadable),
		cmocka_unit_test(a_name_is_cut_no_shorter_than_eight),
		cmocka_unit_test(a_wide_character_is_never_halved),
		cmocka_unit_test(colour_surrounds_text_without_moving_it),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(a_table_without_titles_has_no_heading),
		cmocka_unit_test(clean_text_is_left_alone),
		cmocka_unit_test(width_of_invalid_text_is_one_per_byte),
		cmocka_unit_test(columns_of_the_environment_win),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
