/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories merge by file name, as systemd's do. Files are asked for their type before they're
 * opened and again afterwards: policies are regular files, and nothing else may hang or act.
 */
#include "libpolicy/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/io.h"
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/document.h"
#include "libpolicy/trust.h"

struct candidate {
	char *name; /* of the file in its directory */
	char *path;
};

struct candidates {
	struct candidate *items;
	size_t n_items;
};

static void candidates_done(struct candidates *c) {
	for (size_t i = 0; i < c->n_items; i++) {
		free(c->items[i].name);
		free(c->items[i].path);
	}
	free(c->items);
}

static int append(struct candidates *c, const char *directory, const char *name) {
	struct candidate *grown = reallocarray(c->items, c->n_items + 1, sizeof(*grown));
	struct candidate new = { 0 };

	if (!grown)
		return -ENOMEM;
	c->items = grown;
	new.name = strdup(name);
	if (asprintf(&new.path, "%s/%s", directory, name) < 0)
		new.path = NULL;
	if (!new.name || !new.path) {
		free(new.name);
		free(new.path);
		return -ENOMEM;
	}
	grown[c->n_items++] = new;
	return 0;
}

static bool has_name(const struct candidates *c, const char *name) {
	for (size_t i = 0; i < c->n_items; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return true;
	return false;
}

static bool is_policy_name(const char *name) {
	const char *dot = strrchr(name, '.');

	return dot && name[0] != '.' && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool is_masked(const char *path) {
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int scan(struct candidates *c, const char *path, struct diagnostics *d) {
	_cleanup_closedir_ DIR *directory = opendir(path);
	struct dirent *e;

	if (!directory) {
		trust_complain_errno(d, path, errno);
		return 0;
	}
	while ((errno = 0, e = readdir(directory))) {
		int r = 0;

		if (is_policy_name(e->d_name) && !has_name(c, e->d_name))
			r = append(c, path, e->d_name);
		if (r < 0)
			return r;
	}
	if (errno)
		trust_complain_errno(d, path, errno);
	return 0;
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct candidate *)a)->name, ((const struct candidate *)b)->name);
}

/* A directory that isn't there is empty; a file that isn't there is a mistake. */
static int collect(struct candidates *c, char ***files, const char *path, unsigned flags,
	struct diagnostics *d) {
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT && !is_policy_name(path))
			return 0;
		trust_complain_errno(d, path, errno);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return strv_append(files, path);
	if ((flags & LOAD_CHECK_OWNER) && !trust_directory(d, path))
		return 0;
	return scan(c, path, d);
}

int files_collect(char *const *paths, unsigned flags, char ***ret, struct diagnostics *d) {
	CLEANUP(candidates_done) struct candidates c = { 0 };
	_cleanup_strv_ char **files = NULL;
	int r = 0;

	STRV_FOREACH (path, paths) {
		r = collect(&c, &files, *path, flags, d);
		if (r < 0)
			return r;
	}
	if (c.n_items > 1)
		qsort(c.items, c.n_items, sizeof(*c.items), by_name);
	for (size_t i = 0; i < c.n_items && r == 0; i++)
		if (!is_masked(c.items[i].path))
			r = strv_append(&files, c.items[i].path);
	if (r < 0)
		return r;
	*ret = TAKE(files);
	return 0;
}

static bool check_type(struct diagnostics *d, const char *path, const struct stat *st) {
	struct place place = { .file = path };

	if (S_ISREG(st->st_mode))
		return true;
	diagnostics_add(d, &place, DIAG_FILE_TYPE, "is a %s; allowed: regular files",
		S_ISDIR(st->st_mode)		? "directory"
			: S_ISFIFO(st->st_mode) ? "FIFO"
			: S_ISSOCK(st->st_mode) ? "socket"
						: "device");
	return false;
}

/* Opening may do things (a FIFO waits, a device acts), so the type is asked for before as well. */
static int open_checked(const char *path, unsigned flags, struct diagnostics *d) {
	_cleanup_close_ int fd = -1;
	struct stat st;

	if ((flags & LOAD_CHECK_OWNER) && !trust_links(d, path))
		return -1;
	if (stat(path, &st) < 0) {
		trust_complain_errno(d, path, errno);
		return -1;
	}
	if (!check_type(d, path, &st))
		return -1;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		trust_complain_errno(d, path, errno);
		return -1;
	}
	if (!check_type(d, path, &st))
		return -1;
	if ((flags & LOAD_CHECK_OWNER) && !trust_file(d, path, &st))
		return -1;
	return TAKE_FD(fd);
}

int files_read(
	const char *path, unsigned flags, char **ret_text, size_t *ret_len, struct diagnostics *d) {
	struct place place = { .file = path };
	_cleanup_close_ int fd = open_checked(path, flags, d);
	int r;

	*ret_text = NULL;
	if (fd < 0)
		return 0;
	r = read_file_fd(fd, DOCUMENT_BYTES_MAX, ret_text, ret_len);
	if (r == -EFBIG)
		diagnostics_add(d, &place, DIAG_FILE_TOO_LARGE,
			"the file is too large; allowed: %u bytes", DOCUMENT_BYTES_MAX);
	else if (r < 0 && r != -ENOMEM)
		trust_complain_errno(d, path, -r);
	return r == -ENOMEM ? r : 0;
}
