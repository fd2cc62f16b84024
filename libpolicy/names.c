/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/names.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"

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

bool variable_is_reserved(const char *name) {
	static const char *const reserved[] = { RTMEM_ENV_INIT, "NOTIFY_SOCKET" };

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

/* Parts of characters of a set, parted by dots, two at least; star: * may be a part of its own. */
static bool is_dotted(const char *text, bool star) {
	size_t n_parts = 0;

	for (const char *p = text;; p++) {
		size_t n = star && n_parts > 0 && *p == '*' ? 1 : strspn(p, LOWER DIGITS "_-");

		if (n == 0)
			return false;
		n_parts++;
		p += n;
		if (*p == '\0')
			return n_parts > 1;
		if (*p != '.')
			return false;
	}
}

bool sysctl_name_is_valid(const char *text) {
	return is_dotted(text, false);
}

bool sysctl_pattern_is_valid(const char *text) {
	return is_dotted(text, true);
}

bool sysctl_matches(const char *pattern, const char *name) {
	while (*pattern && *name) {
		size_t n = strcspn(name, ".");

		if (*pattern == '*')
			pattern++;
		else if (strcspn(pattern, ".") == n && strncmp(pattern, name, n) == 0)
			pattern += n;
		else
			return false;
		name += n;
		if (*pattern != *name)
			return false;
		if (*pattern == '.') {
			pattern++;
			name++;
		}
	}
	return *pattern == *name;
}

bool mount_path_is_valid(const char *text) {
	const char *p = text;

	while (*p == '/') {
		size_t n = strspn(p + 1, LETTERS DIGITS "_.@-");

		if (n == 0 || p[1] == '.')
			return false;
		p += 1 + n;
	}
	return p > text && *p == '\0' && p - text <= 200;
}

bool mode_is_valid(const char *text) {
	return consists_of(text, "01234567") && (strlen(text) == 3 || strlen(text) == 4);
}

bool output_is_valid(const char *text) {
	return strcmp(text, "inherit") == 0 || strcmp(text, "journal") == 0 ||
		strcmp(text, "none") == 0 || text[0] == '/';
}

bool node_name_is_valid(const char *text) {
	const char *number = text + 4;

	if (strncmp(text, "node", 4) != 0 || !consists_of(number, DIGITS))
		return false;
	return strlen(number) <= 4 && (number[0] != '0' || number[1] == '\0');
}
