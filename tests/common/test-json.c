/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer of JSON: commas, escapes, nesting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/units.h"

struct sink {
	struct json j;
	FILE *out;
	char *text;
	size_t size;
};

static void sink_init(struct sink *s, int indent) {
	*s = (struct sink){ 0 };
	s->out = open_memstream(&s->text, &s->size);
	assert_non_null(s->out);
	json_init(&s->j, s->out, indent);
}

static void sink_expect(struct sink *s, const char *text) {
	assert_int_equal(fclose(s->out), 0);
	assert_string_equal(s->text, text);
	free(s->text);
}

static void members_are_separated_by_commas(void **state) {
	struct sink s;

	sink_init(&s, 0);
	json_object_begin(&s.j, NULL);
	json_string(&s.j, "a", "x");
	json_int(&s.j, "b", -3);
	json_array_begin(&s.j, "c");
	json_int(&s.j, NULL, 1);
	json_bool(&s.j, NULL, true);
	json_array_end(&s.j);
	json_array_begin(&s.j, "d");
	json_array_end(&s.j);
	json_object_end(&s.j);
	sink_expect(&s, "{\"a\": \"x\", \"b\": -3, \"c\": [1, true], \"d\": []}");
}

static void indentation_follows_the_depth(void **state) {
	struct sink s;

	sink_init(&s, 2);
	json_object_begin(&s.j, NULL);
	json_object_begin(&s.j, "a");
	json_bool(&s.j, "b", false);
	json_object_end(&s.j);
	json_object_end(&s.j);
	sink_expect(&s, "{\n  \"a\": {\n    \"b\": false\n  }\n}\n");
}

static void special_characters_are_escaped(void **state) {
	struct sink s;

	sink_init(&s, 0);
	json_array_begin(&s.j, NULL);
	json_string(&s.j, NULL, "\"\\\n\t\x01\x7f");
	json_string(&s.j, NULL, "größe 🙂");
	json_string(&s.j, NULL, NULL);
	json_array_end(&s.j);
	sink_expect(&s, "[\"\\\"\\\\\\n\\t\\u0001\\u007f\", \"größe 🙂\", \"\"]");
}

static void invalid_utf8_becomes_the_replacement_character(void **state) {
	struct sink s;

	sink_init(&s, 0);
	json_array_begin(&s.j, NULL);
	json_string(&s.j, NULL,
		"a\xff"
		"b");
	json_string(&s.j, NULL, "\xc0\x80");
	json_string(&s.j, NULL, "\xed\xa0\x80");
	json_string(&s.j, NULL, "cut \xe2\x82");
	json_array_end(&s.j);
	sink_expect(&s,
		"[\"a\\ufffdb\", \"\\ufffd\\ufffd\", \"\\ufffd\\ufffd\\ufffd\", "
		"\"cut \\ufffd\\ufffd\"]");
}

static void unlimited_bytes_are_minus_one(void **state) {
	struct sink s;

	sink_init(&s, 0);
	json_array_begin(&s.j, NULL);
	json_bytes(&s.j, NULL, 4096);
	json_bytes(&s.j, NULL, BYTES_UNLIMITED);
	json_number(&s.j, NULL, 0.25);
	json_array_end(&s.j);
	sink_expect(&s, "[4096, -1, 0.25]");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_separated_by_commas),
		cmocka_unit_test(indentation_follows_the_depth),
		cmocka_unit_test(special_characters_are_escaped),
		cmocka_unit_test(invalid_utf8_becomes_the_replacement_character),
		cmocka_unit_test(unlimited_bytes_are_minus_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
