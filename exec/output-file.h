/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_EXEC_OUTPUT_FILE_H
#define RTMEM_EXEC_OUTPUT_FILE_H

/*
 * The file that a program's output is appended to, opened by root for somebody who isn't. Where the user
 * may write himself, it's done with no more than his rights, so that what he plants there harms him
 * alone. Elsewhere root does it, on a path that nobody but root can change.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define OUTPUT_FILE_MODE 0640

/** Whose rights the calling thread works with. */
struct output_rights {
	bool root; /* effective user is root: `uid` can be taken on */
	uid_t uid; /* of the program; its groups are those of the thread */
};

/** The directory of `path`, and the name in it: a part of `path`. As the user, or (as_root) on a path
 *  that is root's alone. A descriptor or -errno; `why` says more. */
int output_directory_open(
	const char *path, bool as_root, const char **ret_name, char *why, size_t size);
/** Takes on the user's rights over files, or root's again. Nothing where we aren't root. False when root
 *  can't give up its own, so that it wouldn't be the user who acts. */
bool output_rights_take(const struct output_rights *r);
void output_rights_return(const struct output_rights *r);

/** Opens for appending, makes it if need be: a descriptor or -errno, and `why`. */
int output_file_open(const char *path, const struct output_rights *r, char *why, size_t size);

#endif
