/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_PATHS_H
#define RTMEM_COMMON_PATHS_H

#include <limits.h>

/*
 * Where rtmem-exec, rtmem-rotate, rtmem-hold, rtmemctl and the injected library are: beside the running program in a build tree
 * (ROOM/PROGRAM -> ../exec/rtmem-exec), else where they're installed. The build tree is recognised by
 * the path of /proc/self/exe, never by the environment or the working directory.
 * 0 or a negative errno (-ENOENT: neither place has it; -EINVAL: LD_PRELOAD can't carry the path
 * because it contains a colon or white space).
 */
int find_exec_helper(char ret_path[static PATH_MAX]);
int find_hold_helper(char ret_path[static PATH_MAX]);
int find_rotate_helper(char ret_path[static PATH_MAX]);
int find_rtmemctl(char ret_path[static PATH_MAX]);
int find_init_library(char ret_path[static PATH_MAX]);

#endif
