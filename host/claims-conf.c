/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysctl.d in the order of systemd-sysctl, then /etc/sysctl.conf, which only some read; and the lines of
 * tmpfiles.d that write to files of the kernel.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/strv.h"
#include "host/claim.h"

#define DIRECTORIES(name) \
	{ "/etc/" name, "/run/" name, "/usr/local/lib/" name, "/usr/lib/" name, "/lib/" name, NULL }

/* ---- sysctl.d ---------------------------------------------------------------------------------- */

static int read_assignment(char *line, unsigned number, const char *file, void *data) {
	char *name = trim(line), *value, key[PATH_MAX];

	if (!*name || *name == '#' || *name == ';')
		return 0;
	value = strchr(name, '=');
	if (!value)
		return 0; /* "-name" only takes a file out of a pattern */
	*value++ = '\0';
	name = trim(name + (*name == '-'));
	return claim_add(
		data, GROUP_SYSCTL, "sysctl.d", file, number, sysctl_key(name, key), trim(value));
}

/* Debian links sysctl.d/99-sysctl.conf to it: then it has been read. */
static bool same_file(const char *root, const char *a, const char *b) {
	char left[PATH_MAX], right[PATH_MAX];
	struct stat l, r;

	snprintf(left, sizeof(left), "%.2000s%.2000s", root, a);
	snprintf(right, sizeof(right), "%.2000s%.2000s", root, b);
	return stat(left, &l) == 0 && stat(right, &r) == 0 && l.st_dev == r.st_dev &&
		l.st_ino == r.st_ino;
}

static int read_sysctl_files(const char *root, struct claims *c) {
	static const char *const directories[] = DIRECTORIES("sysctl.d");
	static const char old[] = "/etc/sysctl.conf";
	_cleanup_strv_ char **files = NULL;
	bool seen = false;
	int r = conf_files(root, directories, ".conf", &files);

	STRV_FOREACH (file, files) {
		seen = seen || same_file(root, *file, old);
		if (r == 0)
			r = each_line(root, *file, read_assignment, c);
	}
	return r < 0 || seen ? r : each_line(root, old, read_assignment, c);
}

/* ---- tmpfiles.d -------------------------------------------------------------------------------- */

/* "w /sys/kernel/mm/... - - - - never" */
static int read_entry(char *line, unsigned number, const char *file, void *data) {
	char type[16], path[512];
	int argument = 0;

	if (sscanf(line, " %15s %511s %*s %*s %*s %*s %n", type, path, &argument) < 2 ||
		type[0] != 'w' || argument == 0)
		return 0;
	return claim_add(
		data, GROUP_TMPFILES, "tmpfiles.d", file, number, path, trim(line + argument));
}

int claims_of_conf(const char *root, struct claims *c) {
	static const char *const directories[] = DIRECTORIES("tmpfiles.d");
	_cleanup_strv_ char **files = NULL;
	int r = read_sysctl_files(root, c);

	if (r == 0)
		r = conf_files(root, directories, ".conf", &files);
	STRV_FOREACH (file, files)
		if (r == 0)
			r = each_line(root, *file, read_entry, c);
	return r;
}
