/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, durations and limits: numbers with units, and `unlimited`. */
#include <errno.h>
#include <string.h>

#include "common/units.h"
#include "libpolicy/reader.h"

#define DIGITS "0123456789"

static bool hint_at_unlimited(struct reader *r, const struct field *f, const char *text) {
	static const char *const words[] = { "infinity", "infinite", "inf", "max", "none", "-1" };

	if (f->kind != KIND_LIMIT_SIZE && f->kind != KIND_LIMIT_COUNT && f->kind != KIND_FAULTS)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0) {
			diagnostics_hint(r->diagnostics, "did you mean \"unlimited\"?");
			return true;
		}
	return false;
}

static void hint_at_size(struct reader *r, const struct field *f, const char *text) {
	size_t digits = strspn(text, DIGITS);
	const char *unit = text + digits + strspn(text + digits, " ");

	if (hint_at_unlimited(r, f, text))
		return;
	if (strcmp(text, "unlimited") == 0)
		diagnostics_hint(r->diagnostics,
			"name a size: glibc turns an unlimited stack into 2M for threads");
	else if (digits > 0 && text[digits] == '.')
		diagnostics_hint(
			r->diagnostics, "no fractions; use the next smaller unit: 1.5G is 1536M");
	else if (digits > 0 && digits < 20 && *unit && strchr("kKmMgGtT", *unit))
		diagnostics_hint(
			r->diagnostics, "did you mean %.*s%c?", (int)digits, text, *unit & ~0x20);
}

static bool check_size(
	struct reader *r, const struct field *f, const struct node *n, uint64_t *ret) {
	uint64_t bytes = 0;
	int e;

	if (!check_field_scalar(r, f, n))
		return false;
	e = parse_size(n->text, &bytes);
	if (e == -EINVAL) {
		reject_value(r, f, n, DIAG_BAD_SIZE);
		hint_at_size(r, f, n->text);
	} else if (e < 0 || bytes < (uint64_t)f->min || bytes > (uint64_t)f->max) {
		reject_value(r, f, n, DIAG_SIZE_OUT_OF_RANGE);
		e = -ERANGE;
	}
	*ret = bytes;
	return e == 0;
}

void read_size(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t bytes;

	if (check_size(r, f, n, &bytes))
		*(uint64_t *)member(f, base) = bytes;
}

static void hint_at_duration(struct reader *r, const char *text) {
	size_t digits = strspn(text, DIGITS);

	if (digits > 0 && digits < 20 && text[digits] == '\0')
		diagnostics_hint(r->diagnostics, "a duration has a unit: %ss or %sms?", text, text);
	else if (digits > 0 && text[digits] == '.')
		diagnostics_hint(
			r->diagnostics, "no fractions; use the next smaller unit: 1.5s is 1500ms");
	else if (digits > 0 && digits < 20 && strcmp(text + digits, "m") == 0)
		diagnostics_hint(r->diagnostics, "did you mean %.*smin?", (int)digits, text);
}

void read_duration(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t usec = 0;
	int e;

	if (!check_field_scalar(r, f, n))
		return;
	e = parse_duration(n->text, &usec);
	if (e == -EINVAL) {
		reject_value(r, f, n, DIAG_BAD_DURATION);
		hint_at_duration(r, n->text);
	} else if (e < 0 || usec < (uint64_t)f->min || usec > (uint64_t)f->max) {
		reject_value(r, f, n, DIAG_DURATION_OUT_OF_RANGE);
	} else {
		*(uint64_t *)member(f, base) = usec;
	}
}

static bool is_unlimited(const struct node *n) {
	return n->kind == NODE_SCALAR && strcmp(n->text, "unlimited") == 0;
}

/* Text that's no number is a bad limit, not a wrong type: "unlimited" is text, too. */
static bool check_limit_number(
	struct reader *r, const struct field *f, const struct node *n, uint64_t *ret) {
	int64_t value;

	if (is_unlimited(n)) {
		*ret = BYTES_UNLIMITED;
		return true;
	}
	if (n->kind == NODE_SCALAR && n->plain && node_scalar_type(n) == SCALAR_TEXT) {
		reject_value(r, f, n, DIAG_BAD_LIMIT);
		(void)hint_at_unlimited(r, f, n->text);
		return false;
	}
	if (!check_field_number(r, f, n, &value))
		return false;
	*ret = (uint64_t)value;
	return true;
}

void read_faults(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t value;

	if (check_limit_number(r, f, n, &value))
		*(uint64_t *)member(f, base) = value;
}

static void set_limit(const struct field *f, const struct node *n, uint64_t value, void *base) {
	*(struct limit *)member(
		f, base) = (struct limit){ .set = true, .value = value, .place = n->place };
}

void read_limit_size(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t value = BYTES_UNLIMITED;

	if (is_unlimited(n) || check_size(r, f, n, &value))
		set_limit(f, n, value, base);
}

void read_limit_count(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t value;

	if (check_limit_number(r, f, n, &value))
		set_limit(f, n, value, base);
}
