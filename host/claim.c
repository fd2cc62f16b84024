/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers of claims share: the list, lines of files, directories that merge. */
#include "host/claim.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/strv.h"

#define FILE_MAX (1u << 20)

static void claim_done(struct claim *c) {
	free(c->key);
	free(c->value);
	free(c->what);
	free(c->place);
}

void claims_done(struct claims *c) {
	for (size_t i = 0; i < c->n_items; i++)
		claim_done(&c->items[i]);
	free(c->items);
	*c = (struct claims){ 0 };
}

int claim_add(struct claims *c, enum claim_group group, const char *what, const char *file,
	unsigned line, const char *key, const char *value) {
	struct claim *grown = reallocarray(c->items, c->n_items + 1, sizeof(*grown));
	struct claim new = { .group = group };
	int r;

	if (!grown)
		return -ENOMEM;
	c->items = grown;
	new.key = strdup(key);
	new.value = strdup(value);
	new.what = strdup(what);
	r = line ? asprintf(&new.place, "%s:%u", file, line) : asprintf(&new.place, "%s", file);
	if (r < 0)
		new.place = NULL;
	if (!new.key || !new.value || !new.what || !new.place) {
		claim_done(&new);
		return -ENOMEM;
	}
	grown[c->n_items++] = new;
	return 0;
}

/* The first of dot and slash separates; the other one is then a part of a name. */
const char *sysctl_key(const char *name, char ret[static PATH_MAX]) {
	const char *first = strpbrk(name, "./");
	bool dots = first && *first == '.';
	size_t start = strlen("/proc/sys/");

	snprintf(ret, PATH_MAX, "/proc/sys/%.500s", name);
	for (char *p = ret + start; dots && *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return ret;
}

char *trim(char *text) {
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

int claim_read(const char *root, const char *path, char **ret) {
	char full[PATH_MAX];
	int r;

	*ret = NULL;
	if (snprintf(full, sizeof(full), "%s%s", root, path) >= PATH_MAX)
		return 0;
	r = read_file(full, FILE_MAX, ret, NULL);
	return r == -ENOMEM ? r : 0;
}

int each_line(const char *root, const char *path, line_reader each, void *data) {
	_cleanup_free_ char *text = NULL;
	unsigned number = 0;
	int r = claim_read(root, path, &text);

	for (char *line = text, *next; r == 0 && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = each(line, ++number, path, data);
	}
	return r;
}

/* ---- directories ------------------------------------------------------------------------------- */

static const char *name_of(const char *path) {
	return strrchr(path, '/') + 1;
}

static bool has_name(char *const *paths, const char *name) {
	STRV_FOREACH (path, paths)
		if (strcmp(name_of(*path), name) == 0)
			return true;
	return false;
}

static bool has_suffix(const char *name, const char *suffix) {
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

static int add_directory(
	const char *root, const char *directory, const char *suffix, char ***paths) {
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	int r = 0;

	if (snprintf(path, sizeof(path), "%s%s", root, directory) >= PATH_MAX)
		return 0;
	dir = opendir(path);
	for (struct dirent *e; r == 0 && dir && (e = readdir(dir));) {
		if (!has_suffix(e->d_name, suffix) || has_name(*paths, e->d_name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, e->d_name) < PATH_MAX)
			r = strv_append(paths, path);
	}
	return r;
}

static int compare_names(const void *a, const void *b) {
	char *const *left = a, *const *right = b;

	return strcmp(name_of(*left), name_of(*right));
}

int conf_files(const char *root, const char *const directories[], const char *suffix, char ***ret) {
	_cleanup_strv_ char **paths = NULL;
	int r = 0;

	for (size_t i = 0; directories[i] && r == 0; i++)
		r = add_directory(root, directories[i], suffix, &paths);
	if (r < 0)
		return r;
	if (paths)
		qsort(paths, strv_length(paths), sizeof(*paths), compare_names);
	*ret = TAKE(paths);
	return 0;
}
