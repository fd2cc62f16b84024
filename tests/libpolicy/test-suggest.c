/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "did you mean" proposes what's near, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "libpolicy/suggest.h"

static const char *nearest(const char *wanted) {
	static const char *const words[] = { "priority", "policy", "prealloc", "on-failure", "nice",
		"cpus" };
	struct suggestion s = { .wanted = wanted };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		suggest_offer(&s, words[i]);
	return s.best;
}

static void distance_counts_single_edits(void **state) {
	assert_int_equal(edit_distance("lock", "lock"), 0);
	assert_int_equal(edit_distance("lock", "lok"), 1);
	assert_int_equal(edit_distance("lock", "locck"), 1);
	assert_int_equal(edit_distance("lock", "luck"), 1);
	assert_int_equal(edit_distance("lock", "lokc"), 1);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("abc", ""), 3);
}

static void case_and_dashes_do_not_count(void **state) {
	assert_int_equal(edit_distance("On_Failure", "on-failure"), 0);
}

static void a_slip_finds_its_word(void **state) {
	assert_string_equal(nearest("prioritty"), "priority");
	assert_string_equal(nearest("preallok"), "prealloc");
	assert_string_equal(nearest("on_failure"), "on-failure");
	assert_string_equal(nearest("cpu"), "cpus");
}

static void something_else_finds_nothing(void **state) {
	assert_null(nearest("wibble"));
	assert_null(nearest("x"));
	assert_null(nearest(""));
}

static void words_of_any_length_are_survived(void **state) {
	char word[SUGGEST_LENGTH_MAX + 2];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_true(edit_distance(word, "a") == SIZE_MAX);
	assert_null(nearest(word));
	word[SUGGEST_LENGTH_MAX] = '\0';
	assert_int_equal(edit_distance(word, word), 0);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_single_edits),
		cmocka_unit_test(case_and_dashes_do_not_count),
		cmocka_unit_test(a_slip_finds_its_word),
		cmocka_unit_test(something_else_finds_nothing),
		cmocka_unit_test(words_of_any_length_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
