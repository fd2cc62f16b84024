/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* By the names that distributions give it, in the loader's cache first, then in the usual directories. */
#include "host/allocator-library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/elf-file.h"
#include "host/library-cache.h"

#define NAMES_MAX 3

static const char *const names[ALLOCATOR_MAX][NAMES_MAX] = {
	[ALLOCATOR_JEMALLOC] = { "libjemalloc.so.2" },
	[ALLOCATOR_MIMALLOC] = { "libmimalloc.so.2", "libmimalloc.so.2.0" },
};

/* The cache of a machine with several word sizes lists a library once for each. */
static int try(const char *path, char ret[static PATH_MAX]) {
	_cleanup_elf_file_ struct elf_file e = { .fd = -1 };
	int r = strlen(path) < PATH_MAX ? elf_file_open(path, &e) : -ENAMETOOLONG;

	if (r == 0)
		strcpy(ret, path);
	return r;
}

static int find_in_cache(
	const struct library_cache *cache, const char *name, char ret[static PATH_MAX]) {
	const char *path;

	for (unsigned n = 0; (path = library_cache_find(cache, name, n)); n++)
		if (try(path, ret) == 0)
			return 0;
	return -ENOENT;
}

static int find_in_directories(const char *name, char ret[static PATH_MAX]) {
	for (const char *const *d = library_usual_directories; *d; d++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", *d, name);
		if (try(path, ret) == 0)
			return 0;
	}
	return -ENOENT;
}

int allocator_library_find(enum heap_allocator allocator, char ret[static PATH_MAX]) {
	struct library_cache cache;
	int r = -ENOENT;

	library_cache_load(LIBRARY_CACHE_PATH, &cache);
	for (size_t i = 0; i < NAMES_MAX && names[allocator][i] && r < 0; i++)
		r = find_in_cache(&cache, names[allocator][i], ret);
	for (size_t i = 0; i < NAMES_MAX && names[allocator][i] && r < 0; i++)
		r = find_in_directories(names[allocator][i], ret);
	library_cache_done(&cache);
	return r;
}
