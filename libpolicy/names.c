/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/names.h"

#include <string.h>

#define DIGITS	"0123456789"
#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool consists_of(const char *text, const char *characters) {
	return *text && text[strspn(text, characters)] == '\0';
}

static bool begins_with(const char *text, const char *characters) {
	return *text && strchr(characters, *text);
}

bool identity_is_valid(const char *text) {
	if (consists_of(text, DIGITS))
		return strlen(text) <= 9;
	return begins_with(text, LETTERS "_") && consists_of(text, LETTERS DIGITS "_.-") &&
		strlen(text) <= 32;
}

bool process_name_is_valid(const char *text) {
	return begins_with(text, LETTERS DIGITS) && consists_of(text, LETTERS DIGITS "_.-") &&
		strlen(text) <= 64;
}

bool variable_name_is_valid(const char *text) {
	return begins_with(text, LETTERS "_") && consists_of(text, LETTERS DIGITS "_");
}

bool sysctl_name_is_valid(const char *text) {
	size_t head = strncmp(text, "vm.", 3) == 0 ? 2 : strncmp(text, "kernel.", 7) == 0 ? 6 : 0;
	const char *p = text + head;

	if (head == 0)
		return false;
	while (*p == '.') {
		size_t n = strspn(p + 1, LOWER DIGITS "_-");

		if (n == 0)
			return false;
		p += 1 + n;
	}
	return *p == '\0';
}

bool node_name_is_valid(const char *text) {
	const char *number = text + 4;

	if (strncmp(text, "node", 4) != 0 || !consists_of(number, DIGITS))
		return false;
	return strlen(number) <= 4 && (number[0] != '0' || number[1] == '\0');
}
