/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How diagnostics look: colour, JSON, order; and that they carry no poison. */
#include "libpolicy/diagnostic-ids.h"

#include <stdlib.h>

#include "tests/libpolicy/parse.h"

typedef void (*printer)(const struct diagnostics *d, FILE *out);

static void print_plain(const struct diagnostics *d, FILE *out) {
	diagnostics_print(d, out, false);
}

static void print_coloured(const struct diagnostics *d, FILE *out) {
	diagnostics_print(d, out, true);
}

static char *printed(const struct diagnostics *d, printer print) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(d, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void json_has_every_member(void **state) {
	static const char text[] = VERSION_LINE "hots: 1\n";
	_cleanup_diagnostics_ struct diagnostics d;
	_cleanup_free_ char *out = NULL;

	parse_bad(text, strlen(text), &d);
	out = printed(&d, diagnostics_print_json);
	assert_string_equal(out,
		"[\n  {\n    \"file\": \"test.yaml\",\n    \"line\": 2,\n"
		"    \"column\": 1,\n    \"severity\": \"error\",\n"
		"    \"id\": \"unknown-key\",\n"
		"    \"message\": \"unknown key \\\"hots\\\" at the top level; "
		"allowed: version, host, defaults, profiles, processes\",\n"
		"    \"hint\": \"did you mean \\\"host\\\"?\"\n  }\n]\n");
}

static void no_diagnostics_are_an_empty_array(void **state) {
	struct diagnostics d = { 0 };
	_cleanup_free_ char *out = printed(&d, diagnostics_print_json);
	_cleanup_free_ char *text = printed(&d, print_plain);

	assert_string_equal(out, "[]\n");
	assert_string_equal(text, "");
}

static void colour_only_adds_colour(void **state) {
	static const char text[] = VERSION_LINE "hots: 1\n";
	_cleanup_free_ char *plain = NULL, *coloured = NULL;
	_cleanup_diagnostics_ struct diagnostics d;
	size_t kept = 0;

	parse_bad(text, strlen(text), &d);
	plain = printed(&d, print_plain);
	coloured = printed(&d, print_coloured);
	assert_non_null(strstr(coloured, "\033[1;31m"));
	for (const char *p = coloured; *p; p++) {
		if (*p == '\033')
			p += strcspn(p, "m");
		else
			coloured[kept++] = *p;
	}
	coloured[kept] = '\0';
	assert_string_equal(coloured, plain);
}

static void control_characters_never_reach_the_terminal(void **state) {
	static const char text[] = VERSION_LINE "\"\\e[31m\\x9b\\u202e\": 1 # \x1b[2J\n";
	_cleanup_diagnostics_ struct diagnostics d;
	_cleanup_free_ char *out = NULL;

	parse_bad(text, strlen(text), &d);
	out = printed(&d, print_plain);
	for (const char *p = out; *p; p++)
		assert_true((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t');
	assert_null(strstr(out, "\u202e"));
}

static void diagnostics_are_sorted_within_their_file(void **state) {
	static const unsigned lines[] = { 3, 1, 2, 2 };
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	struct place place = { .file = "b", .line = 1, .column = 1 };

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		place = (struct place){ .file = i == 1 ? "a" : "b", .line = lines[i], .column = 1 };
		diagnostics_add(&d, &place, DIAG_SYNTAX, "number %zu", i);
	}
	diagnostics_sort(&d);
	assert_string_equal(d.items[0].message, "number 2");
	assert_string_equal(d.items[1].message, "number 3");
	assert_string_equal(d.items[2].message, "number 0");
	assert_string_equal(d.items[3].message, "number 1");
}

static void a_hint_belongs_to_the_latest_that_was_kept(void **state) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	struct place place = { .file = "a", .line = 1, .column = 1 };

	diagnostics_hint(&d, "to nothing");
	diagnostics_add(NULL, &place, DIAG_SYNTAX, "dropped");
	for (unsigned i = 0; i < DIAGNOSTICS_PER_FILE_MAX; i++)
		diagnostics_add(&d, &place, DIAG_SYNTAX, "kept");
	diagnostics_add(&d, &place, DIAG_SYNTAX, "one too many");
	diagnostics_hint(&d, "lost");
	assert_int_equal(d.n_items, DIAGNOSTICS_PER_FILE_MAX + 1);
	for (size_t i = 0; i < d.n_items; i++)
		assert_null(d.items[i].hint);
}

static void every_id_has_a_name_of_its_own(void **state) {
	for (int i = 0; i < DIAG_ID_MAX; i++) {
		const char *name = diagnostic_info((enum diagnostic_id)i)->name;

		assert_non_null(name);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, diagnostic_info((enum diagnostic_id)j)->name);
	}
}

static void quotes_are_cut_at_a_character(void **state) {
	char buf[QUOTE_MAX], text[200] = "";

	for (int i = 0; i < 60; i++)
		strcat(text, "ä");
	assert_string_equal(quote("x", buf), "\"x\"");
	assert_true(strlen(quote(text, buf)) < QUOTE_MAX);
	assert_string_equal(buf + strlen(buf) - 6, "ä…\"");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_every_member),
		cmocka_unit_test(no_diagnostics_are_an_empty_array),
		cmocka_unit_test(colour_only_adds_colour),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(diagnostics_are_sorted_within_their_file),
		cmocka_unit_test(a_hint_belongs_to_the_latest_that_was_kept),
		cmocka_unit_test(every_id_has_a_name_of_its_own),
		cmocka_unit_test(quotes_are_cut_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
