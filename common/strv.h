/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_STRV_H
#define RTMEM_COMMON_STRV_H

/* NULL-terminated string vectors; NULL is the empty vector. */
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

#define STRV_FOREACH(s, v) for (char *const *s = (char *const *)(v); s && *s; s++)

char **strv_free(char **v);
size_t strv_length(char *const *v);
bool strv_contains(char *const *v, const char *s);
/** Appends a copy of s. 0 or -ENOMEM (then *v is unchanged). */
int strv_append(char ***v, const char *s);
/** Copies v; an empty vector copies to NULL. 0 or -ENOMEM. */
int strv_copy(char *const *v, char ***ret);
/** Sets "KEY=VALUE": replaces the entry of the same key or appends. 0, -EINVAL without '=', -ENOMEM. */
int strv_env_set(char ***v, const char *assignment);
/** Value of KEY in a vector of "KEY=VALUE", or NULL. */
const char *strv_env_get(char *const *v, const char *key);
/** Splits at any of the separator characters, dropping empty pieces. */
int strv_split(const char *text, const char *separators, char ***ret);

static inline void strv_free_cleanup(char ***v) {
	*v = strv_free(*v);
}
#define _cleanup_strv_ CLEANUP(strv_free_cleanup)

#endif
