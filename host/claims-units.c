/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Units of systemd and their drop-ins: commands that write to files of the kernel, mounts of hugetlbfs,
 * swap. Commands are searched for what looks like a setting; what else they do isn't known.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/strv.h"
#include "host/claim.h"
#include "host/setting-kind.h"

struct unit {
	struct claims *claims;
	char what[160];
	char where[512]; /* Where= of a mount */
	char options[512];
	bool hugetlbfs;
	unsigned line;
};

/* The value before "> FILE" of a shell command: "echo 64 > /proc/..." */
static void echoed(char *const *words, size_t i, char *buf, size_t size) {
	size_t back = i > 0 && strcmp(words[i - 1], ">") == 0 ? 2 : 1;

	*buf = '\0';
	if (i >= back && i > 0)
		snprintf(buf, size, "%s", words[i - back]);
}

static int read_word(
	struct unit *u, char *const *words, size_t i, const char *file, unsigned line) {
	char key[PATH_MAX], value[128];
	const char *word = words[i] + (words[i][0] == '>');
	const char *equal = strchr(word, '=');

	if (strncmp(word, "/proc/sys/", 10) == 0 || strncmp(word, "/sys/", 5) == 0) {
		echoed(words, i, value, sizeof(value));
		return claim_add(u->claims, GROUP_NONE, u->what, file, line, word, value);
	}
	if (!equal || (strncmp(word, "vm.", 3) != 0 && strncmp(word, "kernel.", 7) != 0))
		return 0;
	snprintf(value, sizeof(value), "%.*s", (int)(equal - word), word);
	return claim_add(
		u->claims, GROUP_NONE, u->what, file, line, sysctl_key(value, key), equal + 1);
}

static int read_command(struct unit *u, const char *command, const char *file, unsigned line) {
	_cleanup_strv_ char **words = NULL;
	int r = strv_split(command, " \t'\";", &words);

	for (size_t i = 0; r == 0 && i < strv_length(words); i++)
		r = read_word(u, words, i, file, line);
	return r;
}

static int read_line(char *line, unsigned number, const char *file, void *data) {
	struct unit *u = data;
	char *name = trim(line), *value = strchr(name, '=');

	if (!value || *name == '#' || *name == ';')
		return 0;
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	if (strncmp(name, "Exec", 4) == 0)
		return read_command(u, value, file, number);
	if (strcmp(name, "Where") == 0)
		snprintf(u->where, sizeof(u->where), "%s", value);
	else if (strcmp(name, "Type") == 0 && strcmp(value, "hugetlbfs") == 0) {
		u->hugetlbfs = true;
		u->line = number;
	} else if (strcmp(name, "Options") == 0)
		snprintf(u->options, sizeof(u->options), "%s", value);
	else if (strcmp(name, "What") == 0 && strstr(file, ".swap"))
		return claim_add(
			u->claims, GROUP_NONE, u->what, file, number, "/proc/swaps", value);
	return 0;
}

static int read_unit(const char *root, const char *file, const char *name, struct claims *c) {
	struct unit u = { .claims = c };
	char key[600], value[MOUNT_TEXT_MAX];
	int r;

	snprintf(u.what, sizeof(u.what), "systemd unit %.120s", name);
	r = each_line(root, file, read_line, &u);
	if (r < 0 || !u.hugetlbfs)
		return r;
	snprintf(key, sizeof(key), "hugetlbfs.%s", u.where);
	mount_options_value(u.options, value);
	return claim_add(c, GROUP_NONE, u.what, file, u.line, key, value);
}

static const char *const directories[] = { "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", NULL };

/* kubelet.service.d/10-huge.conf belongs to kubelet.service */
static int read_drop_ins(
	const char *root, const char *directory, const char *name, struct claims *c) {
	char path[PATH_MAX], unit[256];
	const char *const here[] = { path, NULL };
	_cleanup_strv_ char **files = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(unit, sizeof(unit), "%.*s", (int)strlen(name) - 2, name);
	r = conf_files(root, here, ".conf", &files);
	STRV_FOREACH (file, files)
		if (r == 0)
			r = read_unit(root, *file, unit, c);
	return r;
}

static int read_directory(const char *root, const char *directory, struct claims *c) {
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	int r = 0;

	if (snprintf(path, sizeof(path), "%s%s", root, directory) >= PATH_MAX)
		return 0;
	dir = opendir(path);
	for (struct dirent *e; r == 0 && dir && (e = readdir(dir));) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 2, ".d") == 0)
			r = read_drop_ins(root, directory, e->d_name, c);
	}
	return r;
}

int claims_of_units(const char *root, struct claims *c) {
	static const char *const suffixes[] = { ".service", ".mount", ".swap" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(suffixes) && r == 0; i++) {
		_cleanup_strv_ char **files = NULL;

		r = conf_files(root, directories, suffixes[i], &files);
		STRV_FOREACH (file, files)
			if (r == 0)
				r = read_unit(root, *file, strrchr(*file, '/') + 1, c);
	}
	/* where /lib is a link to /usr/lib, both would be read */
	for (size_t i = 0; directories[i] && r == 0; i++)
		if (strcmp(directories[i], "/lib/systemd/system") != 0)
			r = read_directory(root, directories[i], c);
	return r;
}
