/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Done before parsing, because libyaml takes UTF-16 as well, ends lines at characters that no editor
 * does, and knows positions only roughly when it trips over an encoding.
 */
#include "libpolicy/text.h"

#include <string.h>

#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/utf8.h"

static void complain(struct diagnostics *d, const struct place *place, uint32_t code, bool valid) {
	if (!valid) {
		diagnostics_add(d, place, DIAG_INVALID_UTF8,
			"this byte isn't UTF-8; a policy is UTF-8 text");
		diagnostics_hint(d, "convert the file: iconv -f LATIN1 -t UTF-8");
	} else if (code == 0) {
		diagnostics_add(d, place, DIAG_NUL_BYTE, "NUL byte; a policy is UTF-8 text");
	} else {
		diagnostics_add(d, place, DIAG_CONTROL_CHARACTER,
			"control character U+%04X; allowed: printable characters, tab and newline",
			code);
		diagnostics_hint(d, "in a value, write it as an escape in double quotes");
	}
}

static bool is_control(uint32_t code) {
	return utf8_is_control(code) && code != '\t' && code != '\n' && code != '\r';
}

size_t text_bom(const char *text, size_t length) {
	uint32_t code;

	return utf8_decode(text, length, &code) == 3 && code == 0xfeff ? 3 : 0;
}

static bool is_utf16(const char *text, size_t length) {
	return length >= 2 &&
		(memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

bool text_check(const char *file, const char *text, size_t length, struct diagnostics *d) {
	struct place place = { .file = file, .line = 1, .column = 1 };
	bool good = true, in_bad_run = false;
	size_t i = text_bom(text, length);

	if (is_utf16(text, length)) {
		diagnostics_add(
			d, &place, DIAG_INVALID_UTF8, "this is UTF-16; a policy is UTF-8 text");
		diagnostics_hint(d, "convert the file: iconv -f UTF-16 -t UTF-8");
		return false;
	}

	while (i < length) {
		uint32_t code = 0;
		size_t n = utf8_decode(text + i, length - i, &code);

		if (n == 0 || is_control(code)) {
			if (n > 0 || !in_bad_run)
				complain(d, &place, code, n > 0);
			good = false;
		}
		in_bad_run = n == 0;
		i += n ? n : 1;
		place.column++;
		if (code == '\n' || (code == '\r' && (i >= length || text[i] != '\n'))) {
			place.line++;
			place.column = 1;
		}
	}
	return good;
}

const char *text_line(const char *text, size_t length, unsigned line) {
	const char *end = text + length;

	text += text_bom(text, length);
	for (unsigned i = 1; i < line && text < end; i++) {
		text += text_line_length(text, end);
		if (end - text >= 2 && text[0] == '\r' && text[1] == '\n')
			text++;
		if (text < end)
			text++;
	}
	return text;
}

size_t text_line_length(const char *line, const char *end) {
	const char *p = line;

	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return (size_t)(p - line);
}

char text_at(const char *text, size_t length, unsigned line, unsigned column) {
	const char *end = text + length;
	const char *p = text_line(text, length, line);

	end = p + text_line_length(p, end);
	for (unsigned i = 1; i < column && p < end; i++) {
		uint32_t code;
		size_t n = utf8_decode(p, (size_t)(end - p), &code);

		p += n ? n : 1;
	}
	return p < end ? *p : '\0';
}
