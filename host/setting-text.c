/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the text of kernel files becomes a value, and when two values are the same. */
#include <string.h>

#include "host/setting-kind.h"

static bool is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\n';
}

void decode_words(char *text) {
	char *out = text;

	for (const char *p = text; *p; p++) {
		if (!is_blank(*p))
			*out++ = *p;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	}
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

void decode_choice(char *text) {
	char *open = strchr(text, '[');
	char *close = open ? strchr(open, ']') : NULL;

	if (!close) {
		decode_words(text);
		return;
	}
	*close = '\0';
	memmove(text, open + 1, strlen(open + 1) + 1);
}

/* Length of the wish in one form with the value, if that begins with it; else 0. */
static size_t common_length(const char *wanted, const char *actual) {
	char normal[SETTING_VALUE_MAX];
	size_t len;

	if (strlen(wanted) >= sizeof(normal))
		return 0;
	strcpy(normal, wanted);
	decode_words(normal);
	len = strlen(normal);
	return strncmp(normal, actual, len) == 0 ? len : 0;
}

bool same_words(const char *wanted, const char *actual) {
	size_t len = common_length(wanted, actual);

	return len > 0 && actual[len] == '\0';
}

bool same_first_words(const char *wanted, const char *actual) {
	size_t len = common_length(wanted, actual);

	return len > 0 && (actual[len] == '\0' || actual[len] == ' ');
}
