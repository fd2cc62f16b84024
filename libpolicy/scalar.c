/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plain scalar is. YAML 1.2's core schema, so that `off` and `yes` are text, as in the
 * JSON Schema's world; libyaml itself leaves the question open.
 */
#include <string.h>

#include "libpolicy/document.h"

static bool is_one_of(const char *text, const char *const *words) {
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool consists_of(const char *text, const char *characters) {
	return *text && text[strspn(text, characters)] == '\0';
}

static bool is_integer(const char *text) {
	if (strncmp(text, "0x", 2) == 0)
		return consists_of(text + 2, "0123456789abcdefABCDEF");
	if (strncmp(text, "0o", 2) == 0)
		return consists_of(text + 2, "01234567");
	return consists_of(text + (*text == '-' || *text == '+'), "0123456789");
}

/* [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? and the words */
static bool is_float(const char *text) {
	static const char *const words[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };
	const char *p = text + (*text == '-' || *text == '+');
	size_t whole, fraction = 0;

	if (is_one_of(*p == '.' ? p : text, words))
		return true;
	whole = strspn(p, "0123456789");
	p += whole;
	if (*p == '.') {
		fraction = strspn(p + 1, "0123456789");
		p += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		return consists_of(p + (*p == '-' || *p == '+'), "0123456789");
	}
	return *p == '\0';
}

enum scalar_type node_scalar_type(const struct node *n) {
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const booleans[] = { "true", "True", "TRUE", "false", "False", "FALSE",
		NULL };

	if (!n->plain)
		return SCALAR_TEXT;
	if (is_one_of(n->text, nulls))
		return SCALAR_NULL;
	if (is_one_of(n->text, booleans))
		return SCALAR_BOOLEAN;
	if (is_integer(n->text))
		return SCALAR_INTEGER;
	return is_float(n->text) ? SCALAR_FLOAT : SCALAR_TEXT;
}

const char *node_describe(const struct node *n) {
	static const char *const scalars[] = {
		[SCALAR_TEXT] = "text",
		[SCALAR_INTEGER] = "a number",
		[SCALAR_FLOAT] = "a number with a fraction",
		[SCALAR_BOOLEAN] = "true or false",
		[SCALAR_NULL] = "empty",
	};

	switch (n->kind) {
	case NODE_MAPPING:
		return "a mapping";
	case NODE_SEQUENCE:
		return "a sequence";
	default:
		return scalars[node_scalar_type(n)];
	}
}
