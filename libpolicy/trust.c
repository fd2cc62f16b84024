/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy runs programs as root, so the loader of rtmemd takes a file only if nobody but root can have
 * written it: the file, its directory, and each link on the way with the directory that it's in.
 */
#include "libpolicy/trust.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "libpolicy/diagnostic-ids.h"

#define LINKS_MAX 8

void trust_complain_errno(struct diagnostics *d, const char *path, int error) {
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

static bool check_directory(struct diagnostics *d, const char *path, bool sticky_will_do) {
	struct stat st;

	if (stat(path, &st) < 0) {
		trust_complain_errno(d, path, errno);
		return false;
	}
	if (st.st_uid != 0)
		complain_owner(d, path, DIAG_DIRECTORY_OWNER, "the directory", st.st_uid);
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(sticky_will_do && (st.st_mode & S_ISVTX)))
		complain_writable(d, path, DIAG_DIRECTORY_WRITABLE, "the directory", st.st_mode);
	else
		return true;
	return false;
}

bool trust_directory(struct diagnostics *d, const char *path) {
	return check_directory(d, path, false);
}

/* Where a file lies that is root's own: under the sticky bit nobody else can put another in its place. */
static bool trust_parent(struct diagnostics *d, const char *path) {
	return check_directory(d, path, true);
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

bool trust_links(struct diagnostics *d, const char *start) {
	char path[PATH_MAX], parent[PATH_MAX];

	if (strlen(start) >= sizeof(path)) {
		trust_complain_errno(d, start, ENAMETOOLONG);
		return false;
	}
	strcpy(path, start);
	for (int i = 0; i < LINKS_MAX; i++) {
		struct stat st;

		parent_of(path, parent);
		if (!trust_parent(d, parent))
			return false;
		if (lstat(path, &st) < 0) {
			trust_complain_errno(d, start, errno);
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
	trust_complain_errno(d, start, ELOOP);
	return false;
}

bool trust_file(struct diagnostics *d, const char *path, const struct stat *st) {
	if (st->st_uid != 0)
		complain_owner(d, path, DIAG_FILE_OWNER, "the file", st->st_uid);
	else if (st->st_mode & (S_IWGRP | S_IWOTH))
		complain_writable(d, path, DIAG_FILE_WRITABLE, "the file", st->st_mode);
	else
		return true;
	return false;
}
