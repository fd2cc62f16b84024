/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/utf8.h"

#include "common/cleanup.h"

struct range {
	uint32_t first, last;
};

/* The blocks that terminals show two columns wide. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x2e80, 0xa4cf },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1faff },
	{ 0x20000, 0x3fffd },
};

static const struct range combining[] = {
	{ 0x300, 0x36f },
	{ 0x200b, 0x200f },
	{ 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
};

static const struct range controls[] = {
	{ 0x00, 0x1f },
	{ 0x7f, 0x9f },
	{ 0x2028, 0x202e },
	{ 0x2066, 0x2069 },
	{ 0xfeff, 0xfeff },
	{ 0xfffe, 0xffff },
};

static bool within(const struct range *ranges, size_t n, uint32_t code) {
	for (size_t i = 0; i < n; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

bool utf8_is_control(uint32_t code) {
	return within(controls, ARRAY_LEN(controls), code);
}

unsigned utf8_width(uint32_t code) {
	if (within(combining, ARRAY_LEN(combining), code))
		return 0;
	return within(wide, ARRAY_LEN(wide), code) ? 2 : 1;
}

static size_t sequence_length(unsigned char first) {
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *ret_code) {
	static const uint32_t minimum[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	uint32_t code;
	size_t n = len > 0 ? sequence_length(u[0]) : 0;

	if (n == 0 || n > len)
		return 0;
	code = n == 1 ? u[0] : u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3fu);
	}
	if (code < minimum[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret_code = code;
	return n;
}
