/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of threads and texts of programs reach the screen; none of them may move the cursor or eat
 * the rest of a line. Widths are those of the C.UTF-8 locale, whatever the user's own is.
 */
#include "ctl/terminal.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "common/units.h"

/* A picture that is made in memory first is meant for standard output. */
static int descriptor(FILE *out) {
	int fd = fileno(out);

	return fd < 0 ? STDOUT_FILENO : fd;
}

bool terminal_has_colour(FILE *out) {
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_colour && *no_colour)
		return false;
	return isatty(descriptor(out)) && term && strcmp(term, "dumb") != 0;
}

size_t terminal_width(FILE *out) {
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (columns && parse_u64(columns, &n) == 0 && n > 0 && n < 10000)
		return (size_t)n;
	if (ioctl(descriptor(out), TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col ? size.ws_col : 80;
}

size_t terminal_height(FILE *out) {
	struct winsize size;

	return ioctl(descriptor(out), TIOCGWINSZ, &size) < 0 ? 0 : size.ws_row;
}

const char *terminal_colour(enum colour colour, bool enabled) {
	static const char *const sequences[COLOUR_MAX] = {
		[COLOUR_NONE] = "\033[0m",
		[COLOUR_BOLD] = "\033[1m",
		[COLOUR_DIM] = "\033[2m",
		[COLOUR_RED] = "\033[31m",
		[COLOUR_GREEN] = "\033[32m",
		[COLOUR_YELLOW] = "\033[33m",
	};

	return enabled ? sequences[colour] : "";
}

/* Length in bytes of the character at p, its code point in *ret; 0 = not valid UTF-8. */
static size_t decode(const char *p, uint32_t *ret) {
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)*p;
	size_t len = first < 0x80 ? 1
		: first >= 0xf0	  ? 4
		: first >= 0xe0	  ? 3
		: first >= 0xc2	  ? 2
				  : 0;

	if (len == 0 || first > 0xf4)
		return 0;
	*ret = len == 1 ? first : first & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | ((unsigned char)p[i] & 0x3f);
	}
	if (*ret < least[len] || *ret > 0x10ffff || (*ret >= 0xd800 && *ret <= 0xdfff))
		return 0;
	return len;
}

static locale_t utf8_locale(void) {
	static locale_t locale;

	if (!locale)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return locale;
}

static size_t width_of(uint32_t character) {
	locale_t locale, before;
	int width = 1;

	if (character < 0x80)
		return 1;
	locale = utf8_locale();
	if (!locale)
		return 1;
	before = uselocale(locale);
	width = wcwidth((wchar_t)character);
	(void)uselocale(before);
	return width < 0 ? 1 : (size_t)width;
}

size_t text_fit(const char *text, size_t width, size_t *ret_used) {
	const char *p = text;
	size_t used = 0;

	while (*p) {
		uint32_t character = '?';
		size_t len = decode(p, &character), columns = width_of(character);

		if (used + columns > width)
			break;
		used += columns;
		p += len ? len : 1;
	}
	*ret_used = used;
	return (size_t)(p - text);
}

size_t text_width(const char *text) {
	size_t used;

	(void)text_fit(text, SIZE_MAX, &used);
	return used;
}

void text_clean(char *text) {
	for (char *p = text; *p;) {
		uint32_t character = 0;
		size_t len = decode(p, &character);
		bool control = character < 0x20 || (character >= 0x7f && character < 0xa0);
		/* marks that turn the direction of writing around */
		bool turning = (character >= 0x202a && character <= 0x202e) ||
			(character >= 0x2066 && character <= 0x2069);

		if (!len || control || turning)
			memset(p, '?', len ? len : 1);
		p += len ? len : 1;
	}
}
