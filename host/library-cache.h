/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_LIBRARY_CACHE_H
#define RTMEM_HOST_LIBRARY_CACHE_H

/* The index that ldconfig makes of the libraries of a machine, /etc/ld.so.cache. */
#include <stddef.h>

#define LIBRARY_CACHE_PATH "/etc/ld.so.cache"
/** Where libraries are that no cache knows; NULL at the end. */
extern const char *const library_usual_directories[];

struct library_cache {
	char *data; /* NULL = no usable cache */
	size_t size;
};

/** Loads what is there; a missing or foreign file is an empty cache. */
void library_cache_load(const char *path, struct library_cache *ret);
void library_cache_done(struct library_cache *c);
/** The n-th path recorded for this name, NULL when there are no more; points into the cache. */
const char *library_cache_find(const struct library_cache *c, const char *name, unsigned n);

#endif
