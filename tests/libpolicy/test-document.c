/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of a document, each at its edge, and where nodes say that they stand. */
#include "libpolicy/document.h"

#include <stdlib.h>

#include "libpolicy/text.h"
#include "tests/libpolicy/parse.h"

static bool has_id(const struct diagnostics *d, const char *id) {
	for (size_t i = 0; i < d->n_items; i++)
		if (strcmp(d->items[i].id, id) == 0)
			return true;
	return false;
}

static struct document *document_of(const char *text, struct diagnostics *d) {
	struct document *doc = NULL;
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(document_parse("test.yaml", copy, strlen(text), &doc, d), 0);
	assert_non_null(doc);
	return doc;
}

static bool too_deep(unsigned levels) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_document_ struct document *doc = NULL;
	char text[2 * 40 + 1] = "";

	memset(text, '[', levels);
	memset(text + levels, ']', levels);
	doc = document_of(text, &d);
	assert_int_equal(doc->complete, !has_id(&d, "too-deep"));
	return !doc->complete;
}

static void sixteen_levels_are_the_limit(void **state) {
	assert_false(too_deep(DOCUMENT_DEPTH_MAX));
	assert_true(too_deep(DOCUMENT_DEPTH_MAX + 1));
	assert_true(too_deep(40));
}

static bool too_many(size_t n_nodes) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_document_ struct document *doc = NULL;
	_cleanup_free_ char *text = calloc(n_nodes + 1, 2);

	assert_non_null(text);
	text[0] = '[';
	for (size_t i = 1; i < n_nodes; i++) { /* the sequence itself is one */
		text[2 * i - 1] = '1';
		text[2 * i] = ',';
	}
	text[2 * n_nodes - 1] = ']';
	doc = document_of(text, &d);
	assert_int_equal(doc->complete, !has_id(&d, "too-many-nodes"));
	return !doc->complete;
}

static void a_hundred_thousand_nodes_are_the_limit(void **state) {
	assert_false(too_many(DOCUMENT_NODES_MAX));
	assert_true(too_many(DOCUMENT_NODES_MAX + 1));
}

static void a_mebibyte_is_the_limit(void **state) {
	_cleanup_free_ char *text = malloc(DOCUMENT_BYTES_MAX + 2);
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;

	assert_non_null(text);
	memset(text, '#', DOCUMENT_BYTES_MAX + 1);
	memcpy(text, VERSION_LINE, strlen(VERSION_LINE));
	text[DOCUMENT_BYTES_MAX + 1] = '\0';
	parse_bad(text, DOCUMENT_BYTES_MAX + 1, &d);
	assert_string_equal(d.items[0].id, "file-too-large");
	text[DOCUMENT_BYTES_MAX] = '\0';
	set = parse_good(text);
}

static void problems_are_cut_after_a_hundred(void **state) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	char text[4096] = VERSION_LINE;

	for (int i = 0; i < 150; i++)
		sprintf(text + strlen(text), "wrong%d: 1\n", i);
	parse_bad(text, strlen(text), &d);
	assert_int_equal(d.n_items, 101);
	assert_string_equal(d.items[100].id, "too-many-problems");
	assert_int_equal(d.items[100].line, 102);
}

static void nodes_know_their_line_and_column(void **state) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_document_ struct document *doc = document_of(
		"a: { größe: [x, y] }\nb:\n  - z\n", &d);
	const struct node *n = node_find(doc->root, "a.größe");

	assert_non_null(n);
	assert_int_equal(n->kind, NODE_SEQUENCE);
	assert_int_equal(n->entries[1].value->place.line, 1);
	assert_int_equal(n->entries[1].value->place.column, 17);
	n = node_find(doc->root, "b");
	assert_int_equal(n->entries[0].value->place.line, 3);
	assert_int_equal(n->entries[0].value->place.column, 5);
	assert_null(node_find(doc->root, "a.x"));
	assert_null(node_find(doc->root, "b.z"));
}

static enum scalar_type type_of(const char *text, bool plain) {
	struct node n = { .kind = NODE_SCALAR, .plain = plain, .text = (char *)text };

	return node_scalar_type(&n);
}

static void plain_scalars_have_the_types_of_yaml_1_2(void **state) {
	assert_int_equal(type_of("off", true), SCALAR_TEXT);
	assert_int_equal(type_of("yes", true), SCALAR_TEXT);
	assert_int_equal(type_of("1:30", true), SCALAR_TEXT);
	assert_int_equal(type_of("1_000", true), SCALAR_TEXT);
	assert_int_equal(type_of(".", true), SCALAR_TEXT);
	assert_int_equal(type_of("1e", true), SCALAR_TEXT);
	assert_int_equal(type_of("-", true), SCALAR_TEXT);
	assert_int_equal(type_of("true", true), SCALAR_BOOLEAN);
	assert_int_equal(type_of("FALSE", true), SCALAR_BOOLEAN);
	assert_int_equal(type_of("", true), SCALAR_NULL);
	assert_int_equal(type_of("~", true), SCALAR_NULL);
	assert_int_equal(type_of("-0o7", true), SCALAR_TEXT);
	assert_int_equal(type_of("0o17", true), SCALAR_INTEGER);
	assert_int_equal(type_of("0xFf", true), SCALAR_INTEGER);
	assert_int_equal(type_of("+12", true), SCALAR_INTEGER);
	assert_int_equal(type_of("1.", true), SCALAR_FLOAT);
	assert_int_equal(type_of("-.5e-3", true), SCALAR_FLOAT);
	assert_int_equal(type_of("-.inf", true), SCALAR_FLOAT);
	assert_int_equal(type_of(".NaN", true), SCALAR_FLOAT);
	assert_int_equal(type_of("60", false), SCALAR_TEXT);
	assert_int_equal(type_of("", false), SCALAR_TEXT);
}

static void lines_are_found_whatever_ends_them(void **state) {
	static const char text[] = "\xef\xbb\xbf"
				   "a\r\nbä\rc\n\nd";
	size_t len = strlen(text);

	assert_int_equal(text_at(text, len, 1, 1), 'a');
	assert_int_equal(text_at(text, len, 2, 1), 'b');
	assert_int_equal(text_at(text, len, 3, 1), 'c');
	assert_int_equal(text_at(text, len, 4, 1), '\0');
	assert_int_equal(text_at(text, len, 5, 1), 'd');
	assert_int_equal(text_at(text, len, 5, 2), '\0');
	assert_int_equal(text_at(text, len, 9, 1), '\0');
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_levels_are_the_limit),
		cmocka_unit_test(a_hundred_thousand_nodes_are_the_limit),
		cmocka_unit_test(a_mebibyte_is_the_limit),
		cmocka_unit_test(problems_are_cut_after_a_hundred),
		cmocka_unit_test(nodes_know_their_line_and_column),
		cmocka_unit_test(plain_scalars_have_the_types_of_yaml_1_2),
		cmocka_unit_test(lines_are_found_whatever_ends_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
