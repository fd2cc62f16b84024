/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_TRUST_H
#define RTMEM_LIBPOLICY_TRUST_H

/* May root believe this file? Each function says why not, in `d`, when it returns false. */
#include <stdbool.h>
#include <sys/stat.h>

#include "libpolicy/diagnostic.h"

/** Owned by root, not writable by others? `st` is of the open file. */
bool trust_file(struct diagnostics *d, const char *path, const struct stat *st);
/** The same for a directory. */
bool trust_directory(struct diagnostics *d, const char *path);
/** Are the links that `path` goes through root's, and all their directories? */
bool trust_links(struct diagnostics *d, const char *path);
/** "can't be read: ..." */
void trust_complain_errno(struct diagnostics *d, const char *path, int error);

#endif
