/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First with the user's rights: then all that can happen is what he could do himself. If they don't
 * suffice, as in /var/log, then as root, but only where each directory of the path belongs to root and is
 * closed to others, or keeps what others have in it apart (sticky): no link, no file and no directory on
 * the way can be anybody else's work.
 */
#include "exec/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define WRITE_FLAGS (O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

bool output_rights_take(const struct output_rights *r) {
	int bits;

	if (!r->root || r->uid == 0)
		return true;
	bits = prctl(PR_GET_SECUREBITS);
	if (bits < 0 || (bits & SECBIT_NO_SETUID_FIXUP))
		return false;
	(void)setfsuid(r->uid); /* drops root's capabilities over files with it */
	return (uid_t)setfsuid((uid_t)-1) ==
		r->uid; /* it tells what is in force, and changes nothing */
}

void output_rights_return(const struct output_rights *r) {
	if (r->root && r->uid != 0)
		(void)setfsuid(0);
}

/* ---- the directory ----------------------------------------------------------------------------- */

static int open_part(int parent, const char *name, size_t len) {
	char part[256];
	int fd;

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, name, len);
	part[len] = '\0';
	fd = openat(parent, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The last one is where the file lies: there the sticky bit doesn't keep others from being first. */
static int check_directory(
	int fd, bool last, const char *path, size_t len, char *why, size_t size) {
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == 0 &&
		(!(st.st_mode & (S_IWGRP | S_IWOTH)) || (!last && (st.st_mode & S_ISVTX))))
		return 0;
	snprintf(why, size,
		"the user may not write there, and root doesn't write where others could have planted "
		"something: %.*s %s; give the directory to the user, or to root alone",
		(int)(len ? len : 1), len ? path : "/",
		st.st_uid == 0 ? "can be written by others" : "isn't root's");
	return -EPERM;
}

static int explain_part(int error, const char *path, size_t len, char *why, size_t size) {
	if (error == -ENOENT)
		snprintf(why, size, "there is no directory %.*s: make it", (int)len, path);
	else if (error == -ENOTDIR || error == -ELOOP)
		snprintf(why, size, "%.*s is a link, or no directory: write the path without links",
			(int)len, path);
	return error;
}

static int walk_as_root(const char *path, const char *end, char *why, size_t size) {
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *at = path;
	int r = fd < 0 ? -errno : 0;

	while (r == 0) {
		int next;

		at += strspn(at, "/");
		r = check_directory(fd, at >= end, path, (size_t)(at - path), why, size);
		if (r < 0 || at >= end)
			break;
		next = open_part(fd, at, strcspn(at, "/"));
		at += strcspn(at, "/");
		if (next < 0)
			return explain_part(next, path, (size_t)(at - path), why, size);
		(void)close(fd);
		fd = next;
	}
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_as_user(const char *path, const char *end, char *why, size_t size) {
	char directory[4096];
	size_t len = (size_t)(end - path);
	int fd;

	if (len >= sizeof(directory))
		return -ENAMETOOLONG;
	memcpy(directory, path, len);
	directory[len] = '\0';
	fd = open(len ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? explain_part(-errno, path, len, why, size) : fd;
}

int output_directory_open(
	const char *path, bool as_root, const char **ret_name, char *why, size_t size) {
	const char *slash = strrchr(path, '/');

	why[0] = '\0';
	if (path[0] != '/' || !slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0) {
		snprintf(why, size, "it isn't the absolute path of a file");
		return -EINVAL;
	}
	*ret_name = slash + 1;
	return as_root ? walk_as_root(path, slash, why, size)
		       : open_as_user(path, slash, why, size);
}

/* ---- the file ---------------------------------------------------------------------------------- */

static int check_file(int fd, char *why, size_t size) {
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1)
		return 0;
	snprintf(why, size,
		S_ISREG(st.st_mode) ? "it has another name, too (a hard link)"
				    : "it isn't a regular file");
	return -EPERM;
}

/* Only what root made is given away. */
static int open_in(int directory, const char *name, uid_t owner, char *why, size_t size) {
	_cleanup_close_ int fd = -1;
	bool made = true;
	int r;

	fd = openat(directory, name, WRITE_FLAGS | O_CREAT | O_EXCL, OUTPUT_FILE_MODE);
	if (fd < 0 && errno == EEXIST) {
		made = false;
		fd = openat(directory, name, WRITE_FLAGS);
	}
	if (fd < 0 && errno == ELOOP)
		snprintf(why, size, "it is a symbolic link, which isn't followed");
	if (fd < 0)
		return -errno;
	r = check_file(fd, why, size);
	if (r == 0 && made && owner != (uid_t)-1 && fchown(fd, owner, getegid()) < 0)
		r = -errno;
	if (r == 0 && fcntl(fd, F_SETFL, O_APPEND) < 0) /* a program expects to wait */
		r = -errno;
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_file(const char *path, bool as_root, uid_t owner, char *why, size_t size) {
	const char *name = NULL;
	_cleanup_close_ int directory = output_directory_open(path, as_root, &name, why, size);

	return directory < 0 ? directory : open_in(directory, name, owner, why, size);
}

int output_file_open(const char *path, const struct output_rights *r, char *why, size_t size) {
	int fd = -EACCES;

	if (!r->root || r->uid != 0) {
		if (output_rights_take(r))
			fd = open_file(path, false, (uid_t)-1, why, size);
		output_rights_return(r);
	}
	if (r->root && fd == -EACCES)
		fd = open_file(path, true, r->uid == 0 ? (uid_t)-1 : r->uid, why, size);
	return fd;
}
