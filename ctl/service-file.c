/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit files, read as systemd.syntax(7) says, and no more of it than needed: sections, assignments,
 * continued lines, comments. Of several directories the first that has a file of a name wins, for the
 * unit and for each of its drop-ins.
 */
#include "ctl/service-file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/io.h"
#include "common/strv.h"

#define FILE_MAX_BYTES (1u << 20)

static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };

/* ---- text -------------------------------------------------------------------------------------- */

static char *trim(char *s) {
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return s;
}

static int add_line(struct service *s, char *assignment, const char *file, unsigned line) {
	char *equals = strchr(assignment, '=');
	struct service_line *grown, *new;

	if (!equals)
		return 0; /* systemd ignores it, too */
	grown = reallocarray(s->lines, s->n_lines + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->lines = grown;
	new = &grown[s->n_lines++];
	*equals = '\0';
	*new = (struct service_line){ strdup(trim(assignment)), strdup(trim(equals + 1)),
		strdup(file), line };
	return new->key &&new->value &&new->file ? 0 : -ENOMEM;
}

static bool is_comment(const char *line) {
	return line[0] == '#' || line[0] == ';';
}

/* Takes the next line of text; a backslash at its end joins it with the next that isn't a comment. */
static char *take_line(char **text, unsigned *line) {
	char *start = *text, *out = start;

	for (;;) {
		char *at = *text, *end = strchrnul(at, '\n');
		bool more = *end, joined;

		*end = '\0';
		*text = end + more;
		++*line;
		if (out != start && is_comment(at + strspn(at, " \t"))) {
			if (!more)
				return start;
			continue;
		}
		joined = end > at && end[-1] == '\\';
		memmove(out, at, (size_t)(end - at) + 1);
		out += end - at;
		if (!joined || !more)
			return start;
		out[-1] = ' ';
	}
}

static int parse(struct service *s, char *text, const char *file) {
	bool inside = false;
	unsigned line = 0;
	int r = 0;

	while (*text && r == 0) {
		unsigned first = line + 1;
		char *at = trim(take_line(&text, &line));

		if (*at == '[')
			inside = strcmp(at, "[Service]") == 0;
		else if (inside && *at && !is_comment(at))
			r = add_line(s, at, file, first);
	}
	return r;
}

static int parse_file(struct service *s, const char *path) {
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_file(path, FILE_MAX_BYTES, &text, &len);

	return r < 0 ? r : parse(s, text, path);
}

/* ---- files ------------------------------------------------------------------------------------- */

static int parse_unit(struct service *s, const char *root, const char *name) {
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof(path), "%s%s/%s", root, directories[i], name);
		r = parse_file(s, path);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

static int is_drop_in(const struct dirent *entry) {
	size_t len = strlen(entry->d_name);

	return len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0 &&
		strcmp(entry->d_name, SERVICE_DROP_IN) != 0;
}

/* Unless an earlier directory has one of this name. */
static int add_drop_in(const char *directory, const char *name, char ***names, char ***paths) {
	_cleanup_free_ char *path = NULL;
	int r;

	if (strv_contains(*names, name))
		return 0;
	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = strv_append(names, name);
	return r < 0 ? r : strv_append(paths, path);
}

static int collect(const char *directory, char ***names, char ***paths) {
	struct dirent **entries = NULL;
	int n = scandir(directory, &entries, is_drop_in, NULL), r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_drop_in(directory, entries[i]->d_name, names, paths);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int by_name(const void *a, const void *b) {
	return strcmp(strrchr(*(char *const *)a, '/'), strrchr(*(char *const *)b, '/'));
}

static int parse_drop_ins(struct service *s, const char *root, const char *name) {
	_cleanup_strv_ char **names = NULL, **paths = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(directories) && r == 0; i++) {
		char directory[PATH_MAX];

		snprintf(directory, sizeof(directory), "%s%s/%s.d", root, directories[i], name);
		r = collect(directory, &names, &paths);
	}
	if (paths)
		qsort(paths, strv_length(paths), sizeof(*paths), by_name);
	STRV_FOREACH (path, paths) {
		if (r == 0)
			r = parse_file(s, *path);
	}
	return r;
}

/* "foo@1.service" -> "foo@.service"; false when it's no instance */
static bool template_of(const char *name, char buf[static NAME_MAX + 1]) {
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

	if (!at || !dot || dot <= at + 1)
		return false;
	snprintf(buf, NAME_MAX + 1, "%.*s%s", (int)(at + 1 - name), name, dot);
	return true;
}

static int load(struct service *s, const char *root) {
	char template[NAME_MAX + 1];
	bool is_instance = template_of(s->name, template);
	int r = parse_unit(s, root, s->name);

	if (r == -ENOENT && is_instance)
		r = parse_unit(s, root, template);
	if (r == 0 && is_instance)
		r = parse_drop_ins(s, root, template);
	return r < 0 ? r : parse_drop_ins(s, root, s->name);
}

int service_load(const char *root, const char *name, struct service *ret) {
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	size_t len = strlen(last);
	bool whole = len > 8 && strcmp(last + len - 8, ".service") == 0;
	int r;

	*ret = (struct service){ 0 };
	if (len == 0 || len > NAME_MAX - 8)
		return -ENOENT;
	if (asprintf(&ret->name, "%s%s", last, whole ? "" : ".service") < 0) {
		ret->name = NULL;
		return -ENOMEM;
	}
	r = slash ? parse_file(ret, name) : load(ret, root);
	if (r < 0)
		service_done(ret);
	return r;
}

void service_done(struct service *s) {
	for (size_t i = 0; i < s->n_lines; i++) {
		free(s->lines[i].key);
		free(s->lines[i].value);
		free(s->lines[i].file);
	}
	free(s->lines);
	free(s->name);
	*s = (struct service){ 0 };
}

/* ---- values ------------------------------------------------------------------------------------ */

const char *service_get(const struct service *s, const char *key) {
	const char *value = NULL;

	for (size_t i = 0; i < s->n_lines; i++)
		if (strcmp(s->lines[i].key, key) == 0)
			value = s->lines[i].value;
	return value && *value ? value : NULL;
}

bool service_is_on(const struct service *s, const char *key) {
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };
	const char *value = service_get(s, key);

	for (size_t i = 0; value && i < ARRAY_LEN(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

const struct service_line *service_list(const struct service *s, const char *key, size_t n) {
	size_t first = 0;

	for (size_t i = 0; i < s->n_lines; i++)
		if (strcmp(s->lines[i].key, key) == 0 && !*s->lines[i].value)
			first = i + 1;
	for (size_t i = first; i < s->n_lines; i++)
		if (strcmp(s->lines[i].key, key) == 0 && n-- == 0)
			return &s->lines[i];
	return NULL;
}
