/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_CGROUP_ROOM_H
#define RTMEM_COMMON_CGROUP_ROOM_H

/* The memory control group that binds a process. No allocation: usable before main(). */
#include <stddef.h>

#include "common/diagnose.h"

/** file: "/proc/self/cgroup" or that of another process. Sets cgroup_limit, cgroup_used and cgroup_path,
 *  which then points to `path`; leaves them where no group has a limit. */
void cgroup_room(const char *file, struct diagnose_facts *ret, char *path, size_t path_size);

#endif
