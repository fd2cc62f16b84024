/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that writes to a file keeps it open, and nobody can put another in its place. So the file stays
 * the same, and what was written goes: whole lines are copied to a new file, and then the blocks that they
 * filled are taken out at the front (FALLOC_FL_COLLAPSE_RANGE), in one step between two writes of the
 * program. What remains of the last block at the front becomes an empty line. No line is lost, none is
 * there twice, none in two parts.
 *
 * A file system that can't do that (not ext4, not xfs) leaves the usual: copy all, then make the file
 * empty. What is written between the last read and that is lost.
 */
#include "exec/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

#define CHUNK_BYTES    (64u << 10)
#define REST_ROUNDS    16 /* a program that writes faster than we copy loses lines */
#define LINE_MAX_BYTES (1u << 20) /* a longer line may be cut */

struct work {
	const struct rotation *r;
	const char *name; /* part of the path */
	char name_new[NAME_MAX + 1];
	bool as_root; /* the user's rights don't suffice for the directory */
	int directory;
	int fd; /* of the file */
	int fd_new;
	struct stat st;
	off_t end; /* behind the last whole line */
	off_t cut; /* whole blocks within that */
};

/* ---- lines and blocks -------------------------------------------------------------------------- */

/* Behind the last newline of [from, to), or -1. */
static off_t find_line_end(int fd, off_t from, off_t to) {
	char chunk[CHUNK_BYTES];

	while (to > from) {
		off_t start = to - from > (off_t)sizeof(chunk) ? to - (off_t)sizeof(chunk) : from;
		ssize_t n = pread(fd, chunk, (size_t)(to - start), start);
		const char *newline;

		if (n <= 0)
			return -1;
		newline = memrchr(chunk, '\n', (size_t)n);
		if (newline)
			return start + (newline - chunk) + 1;
		to = start;
	}
	return -1;
}

/* Where to cut. A collapse never reaches the end of the file, so one byte at least stays. */
static int choose_cut(struct work *w) {
	off_t size = w->st.st_size;
	struct statfs fs;
	off_t block;

	if (fstatfs(w->fd, &fs) < 0)
		return -errno;
	block = fs.f_bsize > 0 ? (off_t)fs.f_bsize : 4096;
	w->end = find_line_end(
		w->fd, size > (off_t)LINE_MAX_BYTES ? size - (off_t)LINE_MAX_BYTES : 0, size);
	w->cut = (w->end < 0 || w->end > size - 1 ? size - 1 : w->end) / block * block;
	if (w->end < w->cut)
		w->end = w->cut;
	return w->cut > 0;
}

/* ---- copying ----------------------------------------------------------------------------------- */

static int copy_by_reading(int from, int to, off_t start, off_t end) {
	char chunk[CHUNK_BYTES];

	while (start < end) {
		size_t want = end - start > (off_t)sizeof(chunk) ? sizeof(chunk)
								 : (size_t)(end - start);
		ssize_t n = pread(from, chunk, want, start);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* somebody else makes it shorter */
		r = write_all(to, chunk, (size_t)n);
		if (r < 0)
			return r;
		start += n;
	}
	return 0;
}

/* Within a file system that shares blocks nothing is copied at all. */
static int copy_data(int from, int to, off_t start, off_t end) {
	while (start < end) {
		ssize_t n = copy_file_range(from, &start, to, NULL, (size_t)(end - start), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return copy_by_reading(from, to, start, end);
	}
	return 0;
}

/* Where [start, end) has data: from *start to what is returned. At the end there's none. */
static off_t find_data(int fd, off_t *start, off_t end) {
	off_t data = lseek(fd, *start, SEEK_DATA), hole;

	if (data > *start || (data < 0 && errno == ENXIO))
		*start = data < 0 || data > end ? end : data;
	hole = lseek(fd, *start, SEEK_HOLE);
	return hole <= *start || hole > end ? end : hole;
}

/* Holes stay holes: a file is made large in no time, and nobody shall fill the disk by our hands. */
static int copy(int from, int to, off_t start, off_t end) {
	off_t at = lseek(to, 0, SEEK_CUR) - start;
	int r = 0;

	while (r == 0 && start < end) {
		off_t next = find_data(from, &start, end);

		if (lseek(to, at + start, SEEK_SET) < 0)
			return -errno;
		r = copy_data(from, to, start, next);
		start = next;
	}
	return r == 0 && ftruncate(to, at + end) < 0 ? -errno : r;
}

/* The program's own lines go on while they are copied: again, until there are no more. */
static int copy_rest(const struct work *w, off_t start) {
	struct stat st;
	int r = 0;

	for (int i = 0; i < REST_ROUNDS; i++) {
		if (fstat(w->fd, &st) < 0)
			return -errno;
		if (st.st_size <= start)
			return 0;
		r = copy(w->fd, w->fd_new, start, st.st_size);
		if (r < 0)
			return r;
		start = st.st_size;
	}
	return 0;
}

/* ---- taking away ------------------------------------------------------------------------------- */

/* What is left of lines that were copied: blanks, and the end of a line. */
static int blank_front(const struct work *w) {
	char blanks[CHUNK_BYTES];
	size_t left = (size_t)(w->end - w->cut);
	off_t at = 0;

	memset(blanks, ' ', sizeof(blanks));
	while (left > 0) {
		size_t n = left < sizeof(blanks) ? left : sizeof(blanks);
		ssize_t done;

		blanks[n - 1] = n == left ? '\n' : ' ';
		done = pwrite(w->fd, blanks, n, at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		blanks[n - 1] = ' ';
		at += done;
		left -= (size_t)done;
	}
	return 0;
}

/* 1: done. 0: not here. The blocks are written out before, so that the program doesn't wait for that. */
static int collapse(const struct work *w) {
	if (w->r->truncate)
		return 0;
	(void)sync_file_range(w->fd, 0, 0,
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	if (fallocate(w->fd, FALLOC_FL_COLLAPSE_RANGE, 0, w->cut) == 0)
		return 1;
	return errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
}

static int take_away(const struct work *w) {
	int r = collapse(w);

	if (r < 0)
		return r;
	if (r > 0)
		return blank_front(w);
	r = copy_rest(w, w->end);
	if (r < 0)
		return r;
	return ftruncate(w->fd, 0) < 0 ? -errno : 0;
}

/* ---- names ------------------------------------------------------------------------------------- */

static int numbered(const struct work *w, unsigned n, char buf[static NAME_MAX + 1]) {
	int len = snprintf(buf, NAME_MAX + 1, "%s.%u", w->name, n);

	return len > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* NAME.2 to NAME.3, NAME.1 to NAME.2, what was copied to NAME.1 */
static int shift(const struct work *w) {
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	int r = numbered(w, w->r->keep, to);

	for (unsigned n = w->r->keep; r == 0 && n > 1; n--) {
		r = numbered(w, n - 1, from);
		if (r == 0)
			r = numbered(w, n, to);
		if (r == 0 && renameat(w->directory, from, w->directory, to) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (r == 0)
		r = numbered(w, 1, to);
	if (r == 0 && renameat(w->directory, w->name_new, w->directory, to) < 0)
		r = -errno;
	return r;
}

/* A copy that an earlier rotation left: are its lines in the file still? */
static bool is_in_file(const struct work *w, int copied) {
	char a[CHUNK_BYTES], b[CHUNK_BYTES];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(copied, a, sizeof(a), at)) > 0) {
		if (pread(w->fd, b, (size_t)n, at) != n || memcmp(a, b, (size_t)n) != 0)
			return false;
		at += n;
	}
	return n == 0;
}

static int tidy_up(const struct work *w) {
	_cleanup_close_ int copied = openat(
		w->directory, w->name_new, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (copied < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_in_file(w, copied))
		return shift(w);
	return unlinkat(w->directory, w->name_new, 0) < 0 ? -errno : 0;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static int make_new(struct work *w) {
	int r = tidy_up(w);

	if (r < 0)
		return r;
	w->fd_new = openat(w->directory, w->name_new,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OUTPUT_FILE_MODE);
	if (w->fd_new < 0)
		return -errno;
	if (w->as_root && fchown(w->fd_new, w->st.st_uid, w->st.st_gid) < 0)
		return -errno;
	return fchmod(w->fd_new, w->st.st_mode & 0777) < 0 ? -errno : 0;
}

/* The new file is on the disk before anything goes from the old one. */
static int rotate_locked(struct work *w) {
	int r = choose_cut(w);

	if (r <= 0)
		return r;
	r = make_new(w);
	if (r == 0)
		r = copy(w->fd, w->fd_new, 0, w->end);
	if (r == 0 && fdatasync(w->fd_new) < 0)
		r = -errno;
	if (r < 0) {
		if (w->fd_new >= 0)
			(void)unlinkat(w->directory, w->name_new, 0);
		return r;
	}
	r = take_away(w);
	if (r == 0)
		r = shift(w);
	return r < 0 ? r : 1;
}

static int open_both(struct work *w, char *why, size_t size) {
	int len;

	w->directory = output_directory_open(w->r->path, w->as_root, &w->name, why, size);
	if (w->directory < 0)
		return w->directory;
	len = snprintf(w->name_new, sizeof(w->name_new), "%s" ROTATE_SUFFIX, w->name);
	if (len < 0 || (size_t)len >= sizeof(w->name_new))
		return -ENAMETOOLONG;
	w->fd = openat(
		w->directory, w->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (w->fd < 0 || fstat(w->fd, &w->st) < 0)
		return -errno;
	if (S_ISREG(w->st.st_mode) && w->st.st_nlink == 1)
		return 0;
	snprintf(why, size, "it isn't a regular file with one name");
	return -EPERM;
}

static int attempt(struct work *w, char *why, size_t size) {
	int r = open_both(w, why, size);

	if (r < 0 || (uint64_t)w->st.st_size < w->r->size_bytes)
		return r;
	if (flock(w->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	if (fstat(w->fd, &w->st) < 0) /* it may have been rotated while we came */
		return -errno;
	return (uint64_t)w->st.st_size < w->r->size_bytes ? 0 : rotate_locked(w);
}

static void work_done(struct work *w) {
	w->directory = close_fd(w->directory);
	w->fd = close_fd(w->fd);
	w->fd_new = close_fd(w->fd_new);
}

static int attempt_as(const struct rotation *r, bool as_root, char *why, size_t size) {
	CLEANUP(work_done)
	struct work w = { .r = r, .as_root = as_root, .directory = -1, .fd = -1, .fd_new = -1 };

	return attempt(&w, why, size);
}

int rotate(const struct rotation *r, char *why, size_t size) {
	int result = -EACCES;

	why[0] = '\0';
	if (!r->rights.root || r->rights.uid != 0) {
		if (output_rights_take(&r->rights))
			result = attempt_as(r, false, why, size);
		output_rights_return(&r->rights);
	}
	return r->rights.root && result == -EACCES ? attempt_as(r, true, why, size) : result;
}
