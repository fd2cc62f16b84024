/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names to locked mappings. A refresh builds the new list, taking over each mapping whose file is still
 * the same, so that nothing is unlocked that stays wanted.
 */
#include "hold/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "host/image.h"

#define SPARE_BYTES (64ull << 20) /* what the machine keeps, whatever is asked for */

struct refresh {
	struct held *old;
	struct held_files *pattern; /* that is looked at */
	struct held now;
	int error; /* -ENOMEM once it happened */
};

static void file_done(struct held_file *f) {
	if (f->address)
		(void)munmap(f->address, f->bytes);
	free(f->path);
}

void held_done(struct held *h) {
	for (size_t i = 0; i < h->n_items; i++)
		file_done(&h->items[i]);
	free(h->items);
	*h = (struct held){ .n_items = 0 };
}

static void complain(struct refresh *r, const char *path, enum held_cause cause, const char *what) {
	if (r->pattern->cause == HELD_ALL)
		r->pattern->cause = cause;
	if (!*r->now.problem)
		snprintf(r->now.problem, sizeof(r->now.problem), "%.150s: %.90s", path, what);
}

/* ---- one file ---------------------------------------------------------------------------------- */

static uint64_t available_bytes(void) {
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (read_file("/proc/meminfo", 65536, &text, NULL) < 0)
		return UINT64_MAX;
	line = strstr(text, "MemAvailable:");
	return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024 : UINT64_MAX;
}

static void complain_of(struct refresh *r, const char *path, int error) {
	switch (error) {
	case ENOMEM:
	case EPERM:
	case EAGAIN:
		complain(r, path, HELD_NO_RIGHT,
			"can't be locked: that takes CAP_IPC_LOCK, or a higher RLIMIT_MEMLOCK");
		break;
	case EACCES:
		complain(r, path, HELD_UNREADABLE, "can't be read: permission denied");
		break;
	default:
		complain(r, path, HELD_FAILED, strerror(error));
		break;
	}
}

/* Maps and locks; the lock makes all of it present. NULL: complained about. */
static void *lock_file(struct refresh *r, const char *path, int fd, uint64_t bytes) {
	void *address;

	if (bytes + SPARE_BYTES > available_bytes()) {
		complain(r, path, HELD_NO_ROOM,
			"not locked: it doesn't fit into the memory that is available");
		return NULL;
	}
	address = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED) {
		complain_of(r, path, errno);
		return NULL;
	}
	if (mlock(address, bytes) == 0)
		return address;
	complain_of(r, path, errno);
	(void)munmap(address, bytes);
	return NULL;
}

static bool is_same(const struct held_file *f, const struct stat *st) {
	return f->device == st->st_dev && f->inode == st->st_ino &&
		f->bytes == (uint64_t)st->st_size && f->changed.tv_sec == st->st_ctim.tv_sec &&
		f->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static struct held_file *find(struct held *h, const struct stat *st) {
	for (size_t i = 0; i < h->n_items; i++)
		if (h->items[i].address && is_same(&h->items[i], st))
			return &h->items[i];
	return NULL;
}

static void append(struct refresh *r, const char *path, const struct stat *st, void *address) {
	struct held *h = &r->now;
	struct held_file *grown = reallocarray(h->items, h->n_items + 1, sizeof(*grown));
	char *copy = strdup(path);

	if (grown)
		h->items = grown;
	if (!grown || !copy) {
		free(copy);
		(void)munmap(address, (size_t)st->st_size);
		r->error = -ENOMEM;
		return;
	}
	grown[h->n_items++] = (struct held_file){ copy, st->st_dev, st->st_ino,
		(uint64_t)st->st_size, st->st_ctim, address };
	h->bytes += (uint64_t)st->st_size;
}

static int hold_file(const char *path, void *userdata) {
	struct refresh *r = userdata;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct held_file *before;
	struct stat st;
	void *address;

	if (fd < 0 || fstat(fd, &st) < 0) {
		complain_of(r, path, errno);
		r->pattern->n_failed++;
		return 0;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	if (find(&r->now, &st)) {
		r->pattern->n_files++;
		return 0;
	}
	before = find(r->old, &st);
	address = before ? TAKE(before->address) : lock_file(r, path, fd, (uint64_t)st.st_size);
	if (address) {
		append(r, path, &st, address);
		r->pattern->n_files++;
	} else {
		r->pattern->n_failed++;
	}
	return r->error;
}

/* ---- patterns ---------------------------------------------------------------------------------- */

/* The file itself, then, if it's a program or a library, what it needs. */
static void hold_closure(struct refresh *r, const char *path) {
	if (hold_file(path, r) == 0 && image_each_file(path, hold_file, r) == -ENOMEM)
		r->error = -ENOMEM;
}

static void hold_pattern(struct refresh *r, const char *pattern) {
	glob_t found = { 0 };
	int e = glob(pattern, 0, NULL, &found);

	if (e == GLOB_NOSPACE)
		r->error = -ENOMEM;
	else if (e != 0)
		complain(r, pattern, HELD_MISSING, "nothing of this name is there");
	for (size_t i = 0; e == 0 && i < found.gl_pathc && r->error == 0; i++)
		hold_closure(r, found.gl_pathv[i]);
	globfree(&found);
}

int held_refresh(struct held *h, char *const *patterns) {
	struct held_files more = { .n_files = 0 }; /* than can be told one by one */
	struct refresh r = { .old = h };

	for (size_t i = 0; patterns[i] && r.error == 0; i++) {
		r.pattern = i < HELD_PATTERNS_MAX ? &r.now.patterns[r.now.n_patterns++] : &more;
		hold_pattern(&r, patterns[i]);
	}
	held_done(h);
	*h = r.now;
	return r.error;
}
