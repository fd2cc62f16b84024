/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_FILES_H
#define RTMEM_LIBPOLICY_FILES_H

/* Which files make up a policy, and whether they may be believed. */
#include "libpolicy/set.h"

/** Paths of the files to read: those named in `paths` as they are, then those of its directories,
 *  merged by name. 0 or -ENOMEM; what's wrong with a directory goes to `d`. */
int files_collect(char *const *paths, unsigned flags, char ***ret, struct diagnostics *d);
/** Reads one. 0 with the text, 0 with *ret_text NULL after a complaint, or -ENOMEM. */
int files_read(
	const char *path, unsigned flags, char **ret_text, size_t *ret_len, struct diagnostics *d);

#endif
