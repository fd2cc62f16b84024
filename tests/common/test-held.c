/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/held.h"

static void what_is_told_is_what_is_read(void **state) {
	char text[HELD_CAUSE_MAX * HELD_WORD_MAX] = "";
	struct held_files read[HELD_PATTERNS_MAX];

	for (unsigned i = 0; i < HELD_CAUSE_MAX; i++) {
		const struct held_files h = { 10 * i, i, (enum held_cause)i };

		held_format(&h, text, sizeof(text));
	}
	assert_string_equal(text, "0,0,- 10,1,m 20,2,l 30,3,a 40,4,r 50,5,o");
	assert_int_equal(held_parse(text, read), HELD_CAUSE_MAX);
	for (unsigned i = 0; i < HELD_CAUSE_MAX; i++) {
		assert_int_equal(read[i].n_files, 10 * i);
		assert_int_equal(read[i].n_failed, i);
		assert_int_equal(read[i].cause, i);
	}
}

static void reading_ends_at_what_is_no_word(void **state) {
	static const char *const texts[] = { "", "1", "1,2", "1,2,", "1,2,x", "-1,2,m", "1,2,m3",
		"1,2,m  ", "99999999999,1,-" };
	static const size_t counts[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	struct held_files read[HELD_PATTERNS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(held_parse(texts[i], read), counts[i]);
}

static void more_than_there_can_be_is_not_read(void **state) {
	struct held_files read[HELD_PATTERNS_MAX];
	char text[(HELD_PATTERNS_MAX + 2) * 6 + 1] = "";

	for (size_t i = 0; i < HELD_PATTERNS_MAX + 2; i++)
		held_format(&(struct held_files){ .n_files = 1 }, text, sizeof(text));
	assert_int_equal(held_parse(text, read), HELD_PATTERNS_MAX);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_what_is_read),
		cmocka_unit_test(reading_ends_at_what_is_no_word),
		cmocka_unit_test(more_than_there_can_be_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
