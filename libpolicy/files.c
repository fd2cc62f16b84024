/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories merge by file name, as systemd's do. A policy runs programs as root, so the loader of
 * rtmemd takes a file only if nobody but root can have written it: the file, its directory, and each
 * link on the way. Checks are made on the open descriptor where there's one.
 */
#include "libpolicy/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/io.h"
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/document.h"

#define LINKS_MAX 8

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

static void complain_errno(struct diagnostics *d, const char *path, int error) {
	struct place place = { .file = path };

	diagnostics_add(d, &place, DIAG_FILE_UNREADABLE, "can't be read: %s", strerror(error));
	if (error == EACCES)
		diagnostics_hint(d, "its permissions, or those of a directory above it, forbid it");
}

static void complain_owner(struct diagnostics *d, const char *path, enum diagnostic_id id,
	const char *what, uid_t uid) {
	struct place place = { .file = path };

	diagnostics_add(d, &place, id, "%s belongs to user %u; allowed: root", what, uid);
	diagnostics_hint(d, "chown %sroot: %s", id == DIAG_LINK_OWNER ? "-h " : "", path);
}

static void complain_writable(struct diagnostics *d, const char *path, enum diagnostic_id id,
	const char *what, mode_t mode) {
	struct place place = { .file = path };

	diagnostics_add(d, &place, id,
		"%s can be written by others (mode %04o); allowed: writing by root alone", what,
		mode & 07777);
	diagnostics_hint(d, "chmod go-w %s", path);
}

static bool check_directory(struct diagnostics *d, const char *path) {
	struct stat st;

	if (stat(path, &st) < 0) {
		complain_errno(d, path, errno);
		return false;
	}
	if (st.st_uid != 0)
		complain_owner(d, path, DIAG_DIRECTORY_OWNER, "the directory", st.st_uid);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		complain_writable(d, path, DIAG_DIRECTORY_WRITABLE, "the directory", st.st_mode);
	else
		return true;
	return false;
}

static int scan(struct candidates *c, const char *path, struct diagnostics *d) {
	_cleanup_closedir_ DIR *directory = opendir(path);
	struct dirent *e;

	if (!directory) {
		complain_errno(d, path, errno);
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
		complain_errno(d, path, errno);
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
		complain_errno(d, path, errno);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return strv_append(files, path);
	if ((flags & LOAD_CHECK_OWNER) && !check_directory(d, path))
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

/* The directory that holds `path`, as a path of its own. */
static void parent_of(const char *path, char ret[static PATH_MAX]) {
	const char *slash = strrchr(path, '/');

	if (!slash)
		strcpy(ret, ".");
	else if (slash == path)
		strcpy(ret, "/");
	else
		snprintf(ret, PATH_MAX, "%.*s", (int)(slash - path), path);
}

/* Follows one link: `path` becomes what it points at. False when it isn't a link or can't be read. */
static bool follow_link(char path[static PATH_MAX]) {
	char target[PATH_MAX], parent[PATH_MAX], next[2 * PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	parent_of(path, parent);
	if (target[0] == '/')
		strcpy(next, target);
	else
		snprintf(next, sizeof(next), "%s/%s", parent, target);
	if (strlen(next) >= PATH_MAX)
		return false;
	strcpy(path, next);
	return true;
}

static bool check_links(struct diagnostics *d, const char *start) {
	char path[PATH_MAX], parent[PATH_MAX];

	if (strlen(start) >= sizeof(path)) {
		complain_errno(d, start, ENAMETOOLONG);
		return false;
	}
	strcpy(path, start);
	for (int i = 0; i < LINKS_MAX; i++) {
		struct stat st;

		parent_of(path, parent);
		if (!check_directory(d, parent))
			return false;
		if (lstat(path, &st) < 0) {
			complain_errno(d, start, errno);
			return false;
		}
		if (!S_ISLNK(st.st_mode))
			return true;
		if (st.st_uid != 0) {
			complain_owner(d, path, DIAG_LINK_OWNER, "the link", st.st_uid);
			return false;
		}
		if (!follow_link(path))
			break;
	}
	complain_errno(d, start, ELOOP);
	return false;
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

static bool check_file(
	struct diagnostics *d, const char *path, const struct stat *st, unsigned flags) {
	if (!check_type(d, path, st))
		return false;
	if (!(flags & LOAD_CHECK_OWNER))
		return true;
	if (st->st_uid != 0)
		complain_owner(d, path, DIAG_FILE_OWNER, "the file", st->st_uid);
	else if (st->st_mode & (S_IWGRP | S_IWOTH))
		complain_writable(d, path, DIAG_FILE_WRITABLE, "the file", st->st_mode);
	else
		return true;
	return false;
}

/* Opening may do things (a FIFO waits, a device acts), so the type is asked for before as well. */
static int open_checked(const char *path, unsigned flags, struct diagnostics *d) {
	_cleanup_close_ int fd = -1;
	struct stat st;

	if ((flags & LOAD_CHECK_OWNER) && !check_links(d, path))
		return -1;
	if (stat(path, &st) < 0) {
		complain_errno(d, path, errno);
		return -1;
	}
	if (!check_type(d, path, &st))
		return -1;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		complain_errno(d, path, errno);
		return -1;
	}
	return check_file(d, path, &st, flags) ? TAKE_FD(fd) : -1;
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
		complain_errno(d, path, -r);
	return r == -ENOMEM ? r : 0;
}
