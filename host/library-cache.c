/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The format of glibc since 2.32: a header of 48 bytes, entries of 24 bytes, strings; the offsets in
 * an entry count from the start of the file. Other formats count as no cache: the usual directories
 * then do. Offsets are checked, since a cache may be damaged.
 */
#include "host/library-cache.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"

#define CACHE_SIZE_MAX (64u << 20)

const char *const library_usual_directories[] = {
#if defined(__x86_64__)
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
#endif
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
	NULL,
};

struct cache_header {
	char magic[20]; /* "glibc-ld.so.cache1.1", not terminated */
	uint32_t n_entries;
	uint32_t strings_size;
	uint32_t unused[5];
};

struct cache_entry {
	int32_t flags;
	uint32_t name;
	uint32_t path;
	uint32_t os_version;
	uint64_t hwcap;
};

_Static_assert(sizeof(struct cache_header) == 48, "as on disk");
_Static_assert(sizeof(struct cache_entry) == 24, "as on disk");

static bool is_usable(const char *data, size_t size) {
	struct cache_header header;

	if (size < sizeof(header))
		return false;
	memcpy(&header, data, sizeof(header));
	return memcmp(header.magic, "glibc-ld.so.cache1.1", sizeof(header.magic)) == 0 &&
		header.n_entries <= (size - sizeof(header)) / sizeof(struct cache_entry);
}

void library_cache_load(const char *path, struct library_cache *ret) {
	_cleanup_free_ char *data = NULL;
	size_t size;

	*ret = (struct library_cache){ 0 };
	if (read_file(path, CACHE_SIZE_MAX, &data, &size) < 0 || !is_usable(data, size))
		return;
	ret->data = TAKE(data);
	ret->size = size;
}

void library_cache_done(struct library_cache *c) {
	free(c->data);
	*c = (struct library_cache){ 0 };
}

/* read_file() ends the text with a NUL of its own, so that every offset inside starts a string. */
static const char *string_at(const struct library_cache *c, uint32_t offset) {
	return offset < c->size ? c->data + offset : "";
}

const char *library_cache_find(const struct library_cache *c, const char *name, unsigned n) {
	struct cache_header header;

	if (!c->data)
		return NULL;
	memcpy(&header, c->data, sizeof(header));
	for (uint32_t i = 0; i < header.n_entries; i++) {
		struct cache_entry entry;

		memcpy(&entry, c->data + sizeof(header) + i * sizeof(entry), sizeof(entry));
		if (strcmp(string_at(c, entry.name), name) == 0 && n-- == 0)
			return string_at(c, entry.path);
	}
	return NULL;
}
