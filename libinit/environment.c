/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes rtmem out of the environment, so that the program's children start as if it had never been
 * there. Edited in place: strings only get shorter, pointers only move down, nothing is allocated. Where
 * children shall get the same, all of it stays but the report socket, which is this process's own.
 * Without an order nothing is touched, so that a library loaded by hand leaves no trace.
 */
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "libinit/init.h"

/* The value if this entry sets key. */
static char *value_of(char *entry, const char *key) {
	size_t len = strlen(key);

	return strncmp(entry, key, len) == 0 && entry[len] == '=' ? entry + len + 1 : NULL;
}

static char *find(char **envp, const char *key) {
	for (char **e = envp; *e; e++) {
		char *value = value_of(*e, key);

		if (value)
			return value;
	}
	return NULL;
}

bool environment_says(char **envp, const char *key, const char *value) {
	const char *found = envp ? find(envp, key) : NULL;

	return found && strcmp(found, value) == 0;
}

uint64_t environment_tunable(char **envp, const char *name) {
	const char *list = envp ? find(envp, RTMEM_ENV_TUNABLES) : NULL;
	size_t len = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ":"), p += *p == ':')
		if (strncmp(p, name, len) == 0 && p[len] == '=')
			return strtoull(p + len + 1, NULL, 0);
	return 0;
}

static bool is_our_library(const char *path, size_t len) {
	const size_t name_len = sizeof(RTMEM_INIT_LIBRARY) - 1;

	if (len < name_len || strncmp(path + len - name_len, RTMEM_INIT_LIBRARY, name_len) != 0)
		return false;
	return len == name_len || path[len - name_len - 1] == '/';
}

/* Removes our entry of a list separated by colons or blanks. */
static void strip_library(char *list) {
	char *in = list, *out = list;

	while (*in) {
		size_t len = strcspn(in, ": ");
		size_t with_separator = len + (in[len] != '\0');

		if (!is_our_library(in, len)) {
			memmove(out, in, with_separator);
			out += with_separator;
		}
		in += with_separator;
	}
	if (out > list && in != out && (out[-1] == ':' || out[-1] == ' '))
		out--;
	*out = '\0';
}

static char *marked(char *entry, const char *prefix) {
	size_t len = strlen(prefix);

	return strncmp(entry, prefix, len) == 0 ? entry + len : NULL;
}

static bool same_key(const char *entry, const char *other) {
	size_t len = strcspn(other, "=");

	return strncmp(entry, other, len) == 0 && entry[len] == '=';
}

/* RTMEM_WAS_KEY=VALUE holds the entry KEY=VALUE to put back, RTMEM_ADDED_KEY= names one to take out:
 * it is replaced by the mark, and marks go. */
static void undo_merges(char **envp) {
	for (char **mark = envp; *mark; mark++) {
		char *was = marked(*mark, RTMEM_ENV_WAS);
		char *key = was ? was : marked(*mark, RTMEM_ENV_ADDED);

		for (char **e = envp; key && *e; e++)
			if (same_key(*e, key))
				*e = was ? was : *mark;
	}
}

/* False: the entry goes. *entry may be moved to a later place of its own string. */
static bool keep_entry(char **entry, char *original_tunables) {
	char *value;

	if (value_of(*entry, RTMEM_ENV_INIT) || value_of(*entry, RTMEM_ENV_ORIGINAL) ||
		marked(*entry, RTMEM_ENV_WAS) || marked(*entry, RTMEM_ENV_ADDED))
		return false;
	value = value_of(*entry, RTMEM_ENV_PRELOAD);
	if (value) {
		strip_library(value);
		return *value;
	}
	value = value_of(*entry, RTMEM_ENV_TUNABLES);
	if (!value || !original_tunables)
		return true;
	/* The merge only ever appends. */
	if (strlen(original_tunables) <= strlen(value))
		strcpy(value, original_tunables);
	return *original_tunables;
}

const char *environment_order(char **envp) {
	return envp ? find(envp, RTMEM_ENV_INIT) : NULL;
}

void environment_take(char **envp) {
	char **out = envp;
	char *original;

	if (!environment_order(envp))
		return;
	undo_merges(envp);
	original = find(envp, RTMEM_ENV_ORIGINAL);
	char **in = envp;
	for (; *in; in++)
		if (keep_entry(in, original))
			*out++ = *in;
	/* Go looks for the auxiliary vector behind the environment: it has to find an empty one, and asks
	 * /proc then, rather than entries that were moved. */
	while (out < in)
		*out++ = NULL;
}

void environment_pass_on(char **envp, const struct init_order *o) {
	static char entry[sizeof(RTMEM_ENV_INIT) + INIT_ORDER_TEXT_MAX] = RTMEM_ENV_INIT "=";
	struct init_order for_children = *o;

	for_children.report_fd = -1;
	if (init_order_format(&for_children, entry + sizeof(RTMEM_ENV_INIT), INIT_ORDER_TEXT_MAX) <
		0)
		return; /* it came from a text of this length */
	for (char **e = envp; *e; e++)
		if (value_of(*e, RTMEM_ENV_INIT))
			*e = entry;
}
