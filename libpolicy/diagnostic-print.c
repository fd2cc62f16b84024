/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Diagnostics for people and for scripts. The source line is the policy author's, so nothing of it
 * reaches the terminal but printable characters and tabs; a very long line is shown as the part
 * around the place. The caret line repeats tabs and counts wide characters twice, so that the caret
 * stands under what it means.
 */
#include <string.h>

#include "common/json.h"
#include "libpolicy/diagnostic.h"
#include "libpolicy/utf8.h"

#define WINDOW_BEFORE 100u /* characters shown before and after the place of a long line */
#define WINDOW_AFTER  60u

struct style {
	const char *bold, *error, *warning, *caret, *off;
};

static const struct style plain = { "", "", "", "", "" };
static const struct style coloured = { "\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;32m",
	"\033[0m" };

/* One character of text: its bytes in *ret_len, invalid bytes one by one as '?'. */
static uint32_t next_character(const char *s, size_t len, size_t *ret_len) {
	uint32_t code;
	size_t n = utf8_decode(s, len, &code);

	*ret_len = n ? n : 1;
	if (n == 0 || (utf8_is_control(code) && code != '\t'))
		return 0;
	return code;
}

static void print_clean(const char *text, size_t len, FILE *out) {
	for (size_t i = 0, n; i < len; i += n) {
		if (next_character(text + i, len - i, &n))
			fwrite(text + i, 1, n, out);
		else
			fputc('?', out);
	}
}

/* Byte offset of the character number `index`, or the length. */
static size_t offset_of(const char *text, size_t len, size_t index) {
	size_t i = 0, n;

	for (; index > 0 && i < len; index--, i += n)
		(void)next_character(text + i, len - i, &n);
	return i;
}

static void print_indent(const char *text, size_t len, FILE *out) {
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t code = next_character(text + i, len - i, &n);

		if (code == '\t')
			fputc('\t', out);
		else
			fprintf(out, "%*s", code ? (int)utf8_width(code) : 1, "");
	}
}

static void print_source(const struct diagnostic *d, const struct style *style, FILE *out) {
	size_t len = strlen(d->source);
	size_t before = d->column > 0 ? d->column - 1 : 0;
	size_t first = before > WINDOW_BEFORE ? before - WINDOW_BEFORE : 0;
	size_t start = offset_of(d->source, len, first);
	size_t caret = offset_of(d->source, len, before);
	size_t end = caret + offset_of(d->source + caret, len - caret, WINDOW_AFTER);

	fputs(start > 0 ? "…" : "", out);
	print_clean(d->source + start, end - start, out);
	fputs(end < len ? "…\n" : "\n", out);
	fputs(start > 0 ? " " : "", out);
	print_indent(d->source + start, caret - start, out);
	fprintf(out, "%s^%s\n", style->caret, style->off);
}

static void print_place(const struct diagnostic *d, FILE *out) {
	print_clean(d->file, strlen(d->file), out);
	if (d->line > 0)
		fprintf(out, ":%u:%u", d->line, d->column);
	fputs(": ", out);
}

static void print_one(const struct diagnostic *d, const struct style *style, FILE *out) {
	bool error = d->severity == SEVERITY_ERROR;

	fputs(style->bold, out);
	print_place(d, out);
	fprintf(out, "%s%s%s%s:%s ", style->off, error ? style->error : style->warning,
		error ? "error" : "warning", style->off, style->bold);
	print_clean(d->message, strlen(d->message), out);
	fprintf(out, "%s\n", style->off);
	if (d->line > 0 && d->source)
		print_source(d, style, out);
	if (d->hint) {
		fputs("  hint: ", out);
		print_clean(d->hint, strlen(d->hint), out);
		fputc('\n', out);
	}
}

void diagnostics_print(const struct diagnostics *d, FILE *out, bool colour) {
	for (size_t i = 0; i < d->n_items; i++)
		print_one(&d->items[i], colour ? &coloured : &plain, out);
}

void diagnostics_print_json(const struct diagnostics *d, FILE *out) {
	struct json j;

	json_init(&j, out, 2);
	json_array_begin(&j, NULL);
	for (size_t i = 0; i < d->n_items; i++) {
		const struct diagnostic *item = &d->items[i];

		json_object_begin(&j, NULL);
		json_string(&j, "file", item->file);
		json_int(&j, "line", item->line);
		json_int(&j, "column", item->column);
		json_string(&j, "severity", item->severity == SEVERITY_ERROR ? "error" : "warning");
		json_string(&j, "id", item->id);
		json_string(&j, "message", item->message);
		json_string(&j, "hint", item->hint);
		json_object_end(&j);
	}
	json_array_end(&j);
}
