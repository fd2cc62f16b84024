/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_ENVIRONMENT_FILE_H
#define RTMEM_LIBPOLICY_ENVIRONMENT_FILE_H

/* The files of `environment_files`: KEY=VALUE lines, as EnvironmentFile= of systemd has them. Pure. */
#include <stddef.h>

#define ENVIRONMENT_FILE_MAX_BYTES (256u << 10)

struct environment_problem {
	unsigned line; /* from 1 */
	char text[256]; /* what is wrong; what is allowed */
};

/** Appends "KEY=VALUE" to `variables`, a later one of the same name replacing an earlier. 0; -EINVAL
 *  with `problem`, the variables as they were before its line; -ENOMEM. */
int environment_file_parse(
	const char *text, size_t len, char ***variables, struct environment_problem *problem);

#endif
