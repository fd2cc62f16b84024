/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/strv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char **strv_free(char **v) {
	STRV_FOREACH (s, v)
		free(*s);
	free(v);
	return NULL;
}

size_t strv_length(char *const *v) {
	size_t n = 0;

	STRV_FOREACH (s, v)
		n++;
	return n;
}

bool strv_contains(char *const *v, const char *s) {
	STRV_FOREACH (item, v) {
		if (strcmp(*item, s) == 0)
			return true;
	}
	return false;
}

/* Takes ownership of s, also on failure. */
static int strv_push(char ***v, char *s) {
	size_t n = strv_length(*v);
	char **grown;

	if (!s)
		return -ENOMEM;
	grown = realloc(*v, (n + 2) * sizeof(char *));
	if (!grown) {
		free(s);
		return -ENOMEM;
	}
	grown[n] = s;
	grown[n + 1] = NULL;
	*v = grown;
	return 0;
}

int strv_append(char ***v, const char *s) {
	return strv_push(v, strdup(s));
}

int strv_copy(char *const *v, char ***ret) {
	_cleanup_strv_ char **copy = NULL;

	STRV_FOREACH (s, v) {
		int r = strv_append(&copy, *s);
		if (r < 0)
			return r;
	}
	*ret = TAKE(copy);
	return 0;
}

/* Index of the entry whose key is the first key_len characters of key; the length if there's none. */
static size_t env_find(char *const *v, const char *key, size_t key_len) {
	size_t i = 0;

	for (; v && v[i]; i++)
		if (strncmp(v[i], key, key_len) == 0 && v[i][key_len] == '=')
			break;
	return i;
}

int strv_env_set(char ***v, const char *assignment) {
	const char *equals = strchr(assignment, '=');
	char *copy;
	size_t i;

	if (!equals || equals == assignment)
		return -EINVAL;
	i = env_find(*v, assignment, (size_t)(equals - assignment));
	if (!*v || !(*v)[i])
		return strv_append(v, assignment);
	copy = strdup(assignment);
	if (!copy)
		return -ENOMEM;
	free((*v)[i]);
	(*v)[i] = copy;
	return 0;
}

const char *strv_env_get(char *const *v, const char *key) {
	size_t len = strlen(key);
	size_t i = env_find(v, key, len);

	return v && v[i] ? v[i] + len + 1 : NULL;
}

int strv_split(const char *text, const char *separators, char ***ret) {
	_cleanup_strv_ char **v = NULL;

	for (const char *p = text + strspn(text, separators); *p; p += strspn(p, separators)) {
		size_t len = strcspn(p, separators);
		int r = strv_push(&v, strndup(p, len));

		if (r < 0)
			return r;
		p += len;
	}
	*ret = TAKE(v);
	return 0;
}
