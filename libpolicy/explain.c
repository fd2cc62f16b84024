/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys for people. Profiles and defaults take the same keys as processes, so the keys are
 * listed once, under processes.*, and found by any tail: "lock", "memory.lock", "profiles.rt.memory.lock".
 */
#include <errno.h>
#include <string.h>

#include "libpolicy/fields.h"
#include "libpolicy/schema.h"
#include "libpolicy/suggest.h"

#define PREFIX_MAX  128
#define TEXT_COLUMN 78u

typedef void (*visitor)(const char *path, const struct field *f, void *data);

static void visit(const struct field *table, const char *prefix, visitor each, void *data) {
	for (const struct field *f = table; f->name; f++) {
		char path[PREFIX_MAX];
		bool listed = f->kind == KIND_MAPPING || f->kind == KIND_HUGETLBFS ||
			(f->kind == KIND_PROCESSES && strcmp(f->name, "processes") == 0);

		snprintf(path, sizeof(path), "%s%s", prefix, f->name);
		each(path, f, data);
		if (!listed)
			continue;
		strncat(path, f->kind == KIND_MAPPING ? "." : ".*.",
			sizeof(path) - strlen(path) - 1);
		visit(f->keys, path, each, data);
	}
}

/* ---- one key ----------------------------------------------------------------------------------- */

static void print_wrapped(FILE *out, const char *text) {
	size_t column = 1;

	fputc(' ', out);
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column + 1 + word > TEXT_COLUMN) {
			fputs("\n  ", out);
			column = 2;
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)word, text);
		column += word;
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

static void print_keys(FILE *out, const struct field *table) {
	fprintf(out, "  %-9s", "Keys");
	for (const struct field *f = table; f->name; f++)
		fprintf(out, "%s %s", f == table ? "" : ",", f->name);
	fputc('\n', out);
}

static void print_field(const char *path, const struct field *f, FILE *out) {
	char allowed[FIELD_ALLOWED_MAX];

	fprintf(out, "%s\n", path);
	print_wrapped(out, f->doc);
	fprintf(out, "  %-9s %s\n", "Allowed", field_allowed(f, allowed, sizeof(allowed)));
	if (f->unit)
		fprintf(out, "  %-9s %s\n", "Unit", f->unit);
	if (f->keys)
		print_keys(out, f->keys);
	else
		fprintf(out, "  %-9s %s\n", "Default", f->fallback ? f->fallback : "not set");
	if (f->setting)
		fprintf(out, "  %-9s %s\n", "Setting", f->setting);
	if (f->example)
		fprintf(out, "  %-9s %s: %s\n", "Example", f->name, f->example);
	fprintf(out, "  %-9s %s\n", "Since", LANGUAGE_SINCE);
}

/* Names that stand for any name, and the places that take the keys of a process. */
static bool same_part(const char *pattern, size_t n, const char *part, size_t m) {
	if (n == 1 && *pattern == '*')
		return true;
	if (n == m && strncmp(pattern, part, n) == 0)
		return true;
	return n == 9 && m == 8 && strncmp(pattern, "processes", 9) == 0 &&
		strncmp(part, "profiles", 8) == 0;
}

/* Start of the last part of text[0..len). */
static size_t last_part(const char *text, size_t len) {
	while (len > 0 && text[len - 1] != '.')
		len--;
	return len;
}

static bool is_tail(const char *path, const char *key) {
	size_t n = strlen(path), m = strlen(key);

	for (;;) {
		size_t p = last_part(path, n), k = last_part(key, m);

		if (!same_part(path + p, n - p, key + k, m - k))
			return false;
		if (k == 0)
			return true;
		if (p == 0)
			return false;
		n = p - 1;
		m = k - 1;
	}
}

struct search {
	const char *key;
	FILE *out;
	size_t n_found;
	struct suggestion suggestion;
};

static void explain_if_asked(const char *path, const struct field *f, void *data) {
	struct search *s = data;

	suggest_offer(&s->suggestion, f->name);
	if (!is_tail(path, s->key))
		return;
	if (s->n_found++ > 0)
		fputc('\n', s->out);
	print_field(path, f, s->out);
}

int explain_print(const char *key, FILE *out, const char **ret_suggestion) {
	struct search s = { .key = key, .out = out };

	s.suggestion.wanted = key + last_part(key, strlen(key));
	visit(file_fields, "", explain_if_asked, &s);
	if (ferror(out))
		return -EIO;
	if (s.n_found > 0)
		return 0;
	if (ret_suggestion)
		*ret_suggestion = s.suggestion.best;
	return -ENOENT;
}

/* ---- all keys ---------------------------------------------------------------------------------- */

/* Up to the first full stop: enough to choose by. */
static int first_sentence(const char *doc) {
	const char *end = strstr(doc, ". ");
	size_t len = end ? (size_t)(end - doc) + 1 : strlen(doc);

	return (int)len;
}

static void print_line(const char *path, const struct field *f, void *data) {
	fprintf(data, "%-42s %.*s\n", path, first_sentence(f->doc), f->doc);
}

int explain_print_all(FILE *out) {
	visit(file_fields, "", print_line, out);
	return ferror(out) ? -EIO : 0;
}
