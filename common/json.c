/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A status of a thousand processes is a megabyte: text goes out in runs of plain characters, past the
 * locks of stdio. The caller has the stream for itself.
 */
#include "common/json.h"

#include <assert.h>

#include "common/units.h"

void json_init(struct json *j, FILE *out, int indent) {
	*j = (struct json){ .out = out, .indent = indent };
	j->first[0] = true;
}

static void newline(struct json *j) {
	if (!j->indent)
		return;
	putc_unlocked('\n', j->out);
	for (int i = 0; i < j->depth * j->indent; i++)
		putc_unlocked(' ', j->out);
}

/* Length of the UTF-8 sequence at s, 0 if it isn't one (overlong, surrogate, truncated). */
static int utf8_length(const unsigned char *s) {
	static const uint32_t minimum[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	int len;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (len == 0 || s[0] > 0xf4)
		return 0;
	code = s[0] & (0x7fu >> len);
	for (int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < minimum[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}

/* How many bytes from here on stand for themselves. */
static size_t plain_length(const unsigned char *s) {
	size_t n = 0;

	for (;;) {
		int len;

		if (s[n] < 0x20 || s[n] == '"' || s[n] == '\\' || s[n] == 0x7f)
			return n;
		len = s[n] < 0x80 ? 1 : utf8_length(&s[n]);
		if (len == 0)
			return n;
		n += (size_t)len;
	}
}

static void write_special(struct json *j, unsigned char c) {
	if (c == '"' || c == '\\')
		fprintf(j->out, "\\%c", c);
	else if (c == '\n')
		fputs("\\n", j->out);
	else if (c == '\t')
		fputs("\\t", j->out);
	else if (c < 0x20 || c == 0x7f)
		fprintf(j->out, "\\u%04x", c);
	else
		fputs("\\ufffd", j->out);
}

static void write_escaped(struct json *j, const char *text) {
	const unsigned char *s = (const unsigned char *)text;

	putc_unlocked('"', j->out);
	for (;;) {
		size_t n = plain_length(s);

		(void)fwrite_unlocked(s, 1, n, j->out);
		s += n;
		if (!*s)
			break;
		write_special(j, *s++);
	}
	putc_unlocked('"', j->out);
}

/* Comma, line break, indentation and key: all that stands before a value. */
static void before_value(struct json *j, const char *key) {
	if (!j->first[j->depth])
		putc_unlocked(',', j->out);
	if (!j->first[j->depth] && !j->indent)
		putc_unlocked(' ', j->out);
	if (j->depth > 0)
		newline(j);
	j->first[j->depth] = false;
	if (key) {
		write_escaped(j, key);
		(void)fwrite_unlocked(": ", 1, 2, j->out);
	}
}

static void open_level(struct json *j, const char *key, char bracket) {
	before_value(j, key);
	putc_unlocked(bracket, j->out);
	assert(j->depth + 1 < JSON_DEPTH_MAX);
	j->depth++;
	j->first[j->depth] = true;
}

static void close_level(struct json *j, char bracket) {
	bool empty = j->first[j->depth];

	j->depth--;
	if (!empty)
		newline(j);
	putc_unlocked(bracket, j->out);
	if (j->depth == 0 && j->indent)
		putc_unlocked('\n', j->out);
}

void json_object_begin(struct json *j, const char *key) {
	open_level(j, key, '{');
}

void json_object_end(struct json *j) {
	close_level(j, '}');
}

void json_array_begin(struct json *j, const char *key) {
	open_level(j, key, '[');
}

void json_array_end(struct json *j) {
	close_level(j, ']');
}

void json_string(struct json *j, const char *key, const char *value) {
	before_value(j, key);
	write_escaped(j, value ? value : "");
}

void json_int(struct json *j, const char *key, int64_t value) {
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[24], *p = digits + sizeof(digits);

	before_value(j, key);
	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--p = '-';
	(void)fwrite_unlocked(p, 1, (size_t)(digits + sizeof(digits) - p), j->out);
}

void json_bytes(struct json *j, const char *key, uint64_t value) {
	json_int(j, key, value > (uint64_t)INT64_MAX ? -1 : (int64_t)value);
}

void json_number(struct json *j, const char *key, double value) {
	before_value(j, key);
	fprintf(j->out, "%.6g", value);
}

void json_bool(struct json *j, const char *key, bool value) {
	before_value(j, key);
	fputs(value ? "true" : "false", j->out);
}
