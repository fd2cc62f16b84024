/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follows DT_NEEDED as the dynamic loader would: RPATH, LD_LIBRARY_PATH, RUNPATH, the loader's cache,
 * the usual directories. Breadth first, each file once (by device and inode), bounded in number.
 */
#include "host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/elf-file.h"
#include "common/io.h"
#include "host/library-cache.h"

#define OBJECTS_MAX 1024u
#define SCRIPTS_MAX 4 /* interpreters of interpreters, as the kernel */
#define USUAL_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct object {
	char path[PATH_MAX];
	dev_t device;
	ino_t inode;
};

struct closure {
	struct object *objects; /* also the queue: those behind `done` are still to be read */
	unsigned n_objects;
	unsigned done;
	uint16_t machine;
	const char *library_path;
	struct library_cache cache;
	struct image *image;
};

static void closure_done(struct closure *c) {
	free(c->objects);
	library_cache_done(&c->cache);
}

/* ---- one object -------------------------------------------------------------------------------- */

static bool is_known(const struct closure *c, const struct elf_file *e) {
	for (unsigned i = 0; i < c->n_objects; i++)
		if (c->objects[i].device == e->device && c->objects[i].inode == e->inode)
			return true;
	return false;
}

/* Adds an opened file and what it maps; the array doubles when its length is a power of two. */
static int add(struct closure *c, const char *path, const struct elf_file *e, bool library) {
	struct object *grown;
	unsigned n = c->n_objects;

	if (is_known(c, e))
		return 0;
	if (n == OBJECTS_MAX)
		return -E2BIG;
	if ((n & (n - 1)) == 0) {
		grown = reallocarray(c->objects, n ? n * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->objects = grown;
	}
	c->objects[n] = (struct object){ .device = e->device, .inode = e->inode };
	snprintf(c->objects[n].path, PATH_MAX, "%s", path);
	c->n_objects = n + 1;
	c->image->n_objects = c->n_objects;
	c->image->bytes += elf_file_mapped_bytes(e, library);
	return 0;
}

static int try_path(struct closure *c, const char *path) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	int r = elf_file_open(path, &e);

	if (r < 0)
		return r;
	return e.header.e_machine == c->machine ? add(c, path, &e, true) : -ENOEXEC;
}

/* ---- search ------------------------------------------------------------------------------------ */

/* Text "$ORIGIN/../lib" with the directory of the object for $ORIGIN. */
static void expand_origin(
	const char *text, size_t len, const char *object, char ret[static PATH_MAX]) {
	static const char *const names[] = { "$ORIGIN", "${ORIGIN}" };
	const char *slash = strrchr(object, '/');
	int directory_len = slash ? (int)(slash - object) : 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (len >= n && strncmp(text, names[i], n) == 0) {
			snprintf(ret, PATH_MAX, "%.*s%.*s", directory_len, object, (int)(len - n),
				text + n);
			return;
		}
	}
	snprintf(ret, PATH_MAX, "%.*s", (int)len, text);
}

/* directories: separated by ':'. object: whose $ORIGIN it is. */
static int search_list(
	struct closure *c, const char *directories, const char *object, const char *name) {
	for (const char *p = directories; p && *p;) {
		size_t len = strcspn(p, ":");
		char directory[PATH_MAX], path[PATH_MAX];

		expand_origin(p, len, object, directory);
		if (len && snprintf(path, sizeof(path), "%s/%s", directory, name) < PATH_MAX &&
			try_path(c, path) == 0)
			return 0;
		p += len;
		p += *p == ':';
	}
	return -ENOENT;
}

static int search_cache(struct closure *c, const char *name) {
	const char *path;

	for (unsigned n = 0; (path = library_cache_find(&c->cache, name, n)); n++)
		if (try_path(c, path) == 0)
			return 0;
	return -ENOENT;
}

static int search_usual(struct closure *c, const char *name) {
	for (size_t i = 0; library_usual_directories[i]; i++) {
		char path[PATH_MAX];
		int len = snprintf(path, sizeof(path), "%s/%s", library_usual_directories[i], name);

		if (len < PATH_MAX && try_path(c, path) == 0)
			return 0;
	}
	return -ENOENT;
}

static int find_library(
	struct closure *c, const struct elf_file *e, const char *object, const char *name) {
	char rpath[ELF_STRING_MAX] = "", runpath[ELF_STRING_MAX] = "";

	if (strchr(name, '/'))
		return try_path(c, name);
	if (elf_file_string(e, DT_RUNPATH, 0, runpath) < 0) {
		runpath[0] = '\0';
		if (elf_file_string(e, DT_RPATH, 0, rpath) < 0)
			rpath[0] = '\0';
	}
	if (search_list(c, rpath, object, name) == 0)
		return 0;
	if (search_list(c, c->library_path, object, name) == 0)
		return 0;
	if (search_list(c, runpath, object, name) == 0)
		return 0;
	return search_cache(c, name) == 0 ? 0 : search_usual(c, name);
}

/* ---- closure ----------------------------------------------------------------------------------- */

static int read_needed(struct closure *c, const struct elf_file *e, const char *object) {
	char name[ELF_STRING_MAX];
	int r = 0;

	for (unsigned n = 0; n < OBJECTS_MAX; n++) {
		r = elf_file_string(e, DT_NEEDED, n, name);
		if (r < 0)
			break;
		if (find_library(c, e, object, name) < 0)
			snprintf(c->image->missing, sizeof(c->image->missing), "%.*s",
				IMAGE_NAME_MAX - 1, name);
	}
	return r == -ENOENT ? 0 : r;
}

static int read_closure(struct closure *c) {
	for (; c->done < c->n_objects; c->done++) {
		_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
		char object[PATH_MAX];
		int r;

		/* add() may move the array */
		memcpy(object, c->objects[c->done].path, sizeof(object));
		r = elf_file_open(object, &e);
		if (r == 0)
			r = read_needed(c, &e, object);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_closure(struct closure *c, const struct elf_file *e, const char *init_library) {
	struct image *image = c->image;
	char loader[PATH_MAX];
	int r = add(c, image->program, e, false);

	if (r < 0 || elf_file_interpreter(e, loader) < 0)
		return r;
	image->dynamic = true;
	library_cache_load(LIBRARY_CACHE_PATH, &c->cache);
	if (try_path(c, loader) < 0)
		snprintf(
			image->missing, sizeof(image->missing), "%.*s", IMAGE_NAME_MAX - 1, loader);
	if (init_library)
		(void)try_path(c, init_library);
	return read_closure(c);
}

static int read_program(const struct elf_file *e, const char *library_path,
	const char *init_library, struct image *ret) {
	CLEANUP(closure_done)
	struct closure c = { .image = ret, .machine = e->header.e_machine };

	c.library_path = library_path;
	return fill_closure(&c, e, init_library);
}

/* ---- from a command to an ELF file ------------------------------------------------------------- */

static int look_up(const char *name, const char *search_path, char ret[static PATH_MAX]) {
	if (strchr(name, '/'))
		return snprintf(ret, PATH_MAX, "%s", name) < PATH_MAX ? 0 : -ENAMETOOLONG;
	for (const char *p = search_path ? search_path : USUAL_PATH; *p;) {
		size_t len = strcspn(p, ":");

		if (len && snprintf(ret, PATH_MAX, "%.*s/%s", (int)len, p, name) < PATH_MAX &&
			access(ret, X_OK) == 0)
			return 0;
		p += len;
		p += *p == ':';
	}
	return -ENOENT;
}

/* The interpreter of a script: "#!/usr/bin/env -S python3 -u" -> "python3". -ENOENT: no script. */
static int script_interpreter(const char *path, char ret[static PATH_MAX]) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char line[PATH_MAX + 2], *save = NULL, *word;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, line, sizeof(line) - 1);
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return -ENOENT;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line + 2, " \t", &save);
	if (word && strcmp(word, "/usr/bin/env") == 0)
		do
			word = strtok_r(NULL, " \t", &save);
		while (word && (*word == '-' || strchr(word, '=')));
	if (!word)
		return -ENOEXEC;
	return snprintf(ret, PATH_MAX, "%s", word) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int resolve(const char *program, const char *search_path, char ret[static PATH_MAX]) {
	char name[PATH_MAX];
	int r;

	if (snprintf(name, sizeof(name), "%s", program) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (int i = 0; i <= SCRIPTS_MAX; i++) {
		r = look_up(name, search_path, ret);
		if (r < 0)
			return r;
		r = script_interpreter(ret, name);
		if (r == -ENOENT)
			return access(ret, F_OK) < 0 ? -errno : 0;
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

int image_read(const char *program, const char *search_path, const char *library_path,
	const char *init_library, struct image *ret) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	int r;

	*ret = (struct image){ 0 };
	r = resolve(program, search_path, ret->program);
	if (r == 0)
		r = elf_file_open(ret->program, &e);
	if (r < 0)
		return r;
	return read_program(&e, library_path, init_library, ret);
}

/* Libraries have no loader of their own: what they need is found all the same. */
static int fill_any(struct closure *c, const struct elf_file *e) {
	int r = fill_closure(c, e, NULL);

	if (r < 0 || c->image->dynamic)
		return r;
	library_cache_load(LIBRARY_CACHE_PATH, &c->cache);
	return read_closure(c);
}

int image_each_file(
	const char *program, int (*each)(const char *path, void *userdata), void *userdata) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	struct image image = { 0 };
	CLEANUP(closure_done) struct closure c = { .image = &image };
	int r = resolve(program, NULL, image.program);

	if (r == 0)
		r = elf_file_open(image.program, &e);
	if (r < 0)
		return r;
	c.machine = e.header.e_machine;
	r = fill_any(&c, &e);
	for (size_t i = 0; i < c.n_objects && r == 0; i++)
		r = each(c.objects[i].path, userdata);
	return r;
}
