/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_ENVIRONMENT_H
#define RTMEM_HOST_ENVIRONMENT_H

/* Reads the files of `environment_files` in their order, the later winning. */
#include "libpolicy/launch.h"

/** 0 and "KEY=VALUE" entries (NULL: none); -ENOENT, -EPERM, -EINVAL ... with `problem`; -ENOMEM.
 *  As root only files are believed that nobody else can have written, as with policies. */
int environment_files_read(
	const struct process_policy *p, char ***ret, struct launch_problem *problem);

#endif
