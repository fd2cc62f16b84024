/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_CGROUP_H
#define RTMEM_HOST_CGROUP_H

/* Where the control groups (v2) of managed processes belong on this machine. Reading only. */
#include <limits.h>
#include <stdbool.h>

#define CGROUP_REASON_MAX 320

/** The unit whose control group is delegated to rtmemd, and that rtmemd itself isn't in. */
#define CGROUP_HOLDER "rtmem-processes.service"

struct cgroup_place {
	bool usable; /* else `reason` says why not, and nothing below is set */
	bool memory; /* memory.min, .low and .max can be had; else `reason` says why not */
	char mount[PATH_MAX]; /* where cgroup v2 is mounted */
	char top[PATH_MAX]; /* the group that we may make others in */
	char base[PATH_MAX]; /* holds one group for each process: `top`, or a group of ours in it */
	char reason[CGROUP_REASON_MAX];
};

/** Looks below `root` ("" = this machine). Each runtime directory has a base of its own. 0 or -ENOMEM;
 *  that there's no place is no error. */
int cgroup_locate(const char *root, const char *runtime_dir, struct cgroup_place *ret);

/** The directory of a process's group. False when there's no place, or the path is too long. */
bool cgroup_path_of(const struct cgroup_place *c, const char *process, char ret[static PATH_MAX]);

#endif
