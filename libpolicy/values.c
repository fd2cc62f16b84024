/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One function per kind of scalar: text -> member, or a complaint that says what's allowed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "libpolicy/names.h"
#include "libpolicy/reader.h"
#include "libpolicy/suggest.h"

#define DIGITS "0123456789"

bool check_scalar(struct reader *r, const struct node *n, const char *allowed) {
	char path[PATH_TEXT_MAX];

	if (n->kind != NODE_SCALAR || node_scalar_type(n) == SCALAR_NULL) {
		reject(r, n, DIAG_WRONG_TYPE, allowed);
		return false;
	}
	if (strlen(n->text) == n->length)
		return true;
	diagnostics_add(r->diagnostics, &n->place, DIAG_NUL_IN_TEXT,
		"%s has a NUL character; allowed: %s", path_text(r->path, path), allowed);
	return false;
}

bool check_text(struct reader *r, const struct node *n, const char *allowed) {
	char text[QUOTE_MAX];

	if (n->kind == NODE_SCALAR && node_scalar_type(n) == SCALAR_TEXT)
		return check_scalar(r, n, allowed);
	reject(r, n, DIAG_WRONG_TYPE, allowed);
	if (n->kind == NODE_SCALAR && n->length > 0)
		diagnostics_hint(r->diagnostics, "this is %s; put it in quotes: %s",
			node_describe(n), quote(n->text, text));
	return false;
}

/* 0 | -?[1-9][0-9]*: the only way of writing a number that all readers of YAML agree upon. */
static bool is_canonical(const char *text) {
	const char *digits = text + (*text == '-');

	if (strcmp(text, "0") == 0)
		return true;
	return *digits >= '1' && *digits <= '9' && digits[strspn(digits, DIGITS)] == '\0';
}

static void reject_number(struct reader *r, const struct node *n, const char *allowed) {
	bool ambiguous = node_scalar_type(n) == SCALAR_INTEGER;

	reject(r, n, ambiguous ? DIAG_AMBIGUOUS_NUMBER : DIAG_WRONG_TYPE, allowed);
	if (ambiguous)
		diagnostics_hint(r->diagnostics,
			"readers of YAML disagree about it; write plain decimal digits");
	else if (!n->plain && is_canonical(n->text))
		diagnostics_hint(r->diagnostics, "numbers stand without quotes: %s", n->text);
}

bool check_number(struct reader *r, const struct node *n, int64_t min, int64_t max,
	const char *allowed, int64_t *ret) {
	int64_t value = 0;

	if (!check_scalar(r, n, allowed))
		return false;
	if (!n->plain || !is_canonical(n->text)) {
		reject_number(r, n, allowed);
		return false;
	}
	if (parse_i64(n->text, &value) < 0 || value < min || value > max) {
		reject(r, n, DIAG_OUT_OF_RANGE, allowed);
		return false;
	}
	*ret = value;
	return true;
}

bool check_field_number(
	struct reader *r, const struct field *f, const struct node *n, int64_t *ret) {
	char allowed[FIELD_ALLOWED_MAX];

	return check_number(r, n, f->min, f->max, field_allowed(f, allowed, sizeof(allowed)), ret);
}

bool check_field_scalar(struct reader *r, const struct field *f, const struct node *n) {
	char allowed[FIELD_ALLOWED_MAX];

	return check_scalar(r, n, field_allowed(f, allowed, sizeof(allowed)));
}

void read_version(struct reader *r, const struct field *f, const struct node *n, void *base) {
	if (!check_field_scalar(r, f, n))
		return;
	if (n->plain && strcmp(n->text, f->example) == 0) {
		*(uint32_t *)member(f, base) = LANGUAGE_VERSION;
		return;
	}
	reject_value(r, f, n, DIAG_UNSUPPORTED_VERSION);
	if (strcmp(n->text, f->example) == 0)
		diagnostics_hint(r->diagnostics, "numbers stand without quotes: 1");
}

void read_integer(struct reader *r, const struct field *f, const struct node *n, void *base) {
	int64_t value;

	if (!check_field_number(r, f, n, &value))
		return;
	*(int *)member(f, base) = (int)value;
	mark_set(f, base);
}

void read_count(struct reader *r, const struct field *f, const struct node *n, void *base) {
	int64_t value;

	if (check_field_number(r, f, n, &value))
		*(uint32_t *)member(f, base) = (uint32_t)value;
}

void read_enum(struct reader *r, const struct field *f, const struct node *n, void *base) {
	struct suggestion s = { .wanted = n->text };
	const struct enum_name *found;

	if (!check_field_scalar(r, f, n))
		return;
	found = enum_find(f->names, n->text);
	if (found) {
		*(int *)member(f, base) = found->value;
		return;
	}
	reject_value(r, f, n, DIAG_BAD_VALUE);
	for (const struct enum_name *e = f->names; e->name; e++)
		suggest_offer(&s, e->name);
	if (s.best)
		diagnostics_hint(r->diagnostics, "did you mean \"%s\"?", s.best);
}

/* Well-formed, whatever the numbers: the part that a pattern can judge. */
static bool is_cpu_list(const char *p) {
	for (;;) {
		size_t digits = strspn(p, DIGITS);

		p += digits;
		if (digits > 0 && *p == '-') {
			digits = strspn(p + 1, DIGITS);
			p += 1 + digits;
		}
		if (digits == 0 || *p != ',')
			return digits > 0 && *p == '\0';
		p++;
	}
}

void read_cpus(struct reader *r, const struct field *f, const struct node *n, void *base) {
	int e;

	if (!check_field_scalar(r, f, n))
		return;
	e = parse_cpu_list(n->text, member(f, base));
	if (e == 0) {
		mark_set(f, base);
	} else if (!is_cpu_list(n->text)) {
		reject_value(r, f, n, DIAG_BAD_CPU_LIST);
		diagnostics_hint(r->diagnostics, "digits, \"-\" and \",\" without blanks");
	} else {
		reject_value(r, f, n, DIAG_CPU_OUT_OF_RANGE);
		if (e == -EINVAL)
			diagnostics_hint(
				r->diagnostics, "the smaller number of a range comes first");
	}
}

/* Takes what the author wrote in place of what was there before. */
static void replace_text(struct reader *r, const struct field *f, const char *text, void *base) {
	char **target = member(f, base);
	char *copy = strdup(text);

	if (!copy) {
		r->error = -ENOMEM;
		return;
	}
	free(*target);
	*target = copy;
}

void read_path(struct reader *r, const struct field *f, const struct node *n, void *base) {
	char allowed[FIELD_ALLOWED_MAX];

	if (!check_text(r, n, field_allowed(f, allowed, sizeof(allowed))))
		return;
	if (n->text[0] == '/')
		replace_text(r, f, n->text, base);
	else
		reject(r, n, DIAG_NOT_ABSOLUTE, allowed);
}

void read_output(struct reader *r, const struct field *f, const struct node *n, void *base) {
	char allowed[FIELD_ALLOWED_MAX];

	if (!check_text(r, n, field_allowed(f, allowed, sizeof(allowed))))
		return;
	if (output_is_valid(n->text))
		replace_text(r, f, n->text, base);
	else
		reject_value(r, f, n, DIAG_BAD_VALUE);
}

bool check_identity(struct reader *r, const struct node *n, const char *allowed) {
	if (!check_scalar(r, n, allowed))
		return false;
	if (node_scalar_type(n) == SCALAR_TEXT || node_scalar_type(n) == SCALAR_INTEGER)
		return true;
	reject(r, n, DIAG_WRONG_TYPE, allowed);
	return false;
}

void read_identity(struct reader *r, const struct field *f, const struct node *n, void *base) {
	char allowed[FIELD_ALLOWED_MAX];

	if (!check_identity(r, n, field_allowed(f, allowed, sizeof(allowed))))
		return;
	if (identity_is_valid(n->text))
		replace_text(r, f, n->text, base);
	else
		reject_value(r, f, n, DIAG_BAD_NAME);
}
