/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_CLAIM_H
#define RTMEM_HOST_CLAIM_H

/* For the readers of claims, one per kind of owner. */
#include <limits.h>
#include <stdint.h>

#include "host/owners.h"

enum claim_group {
	GROUP_NONE,
	GROUP_BOOT,
	GROUP_SYSCTL,
	GROUP_TMPFILES,
	GROUP_TUNED,
};

/** Adds one; line 0 = the file as a whole. 0 or -ENOMEM. */
int claim_add(struct claims *c, enum claim_group group, const char *what, const char *file,
	unsigned line, const char *key, const char *value);

/** Name of a sysctl as its users write it, "vm.swappiness" or "vm/swappiness" -> /proc/sys/vm/... */
const char *sysctl_key(const char *name, char ret[static PATH_MAX]);

/** White space off both ends, in place. */
char *trim(char *text);

/** Reads ROOT/PATH; *ret is NULL when there's nothing to read. 0 or -ENOMEM. */
int claim_read(const char *root, const char *path, char **ret);

/** Calls `each` for every line; number counts from 1, the text may be changed. Stops at an error. */
typedef int (*line_reader)(char *line, unsigned number, const char *file, void *data);
int each_line(const char *root, const char *path, line_reader each, void *data);

/** Files that merge as systemd's do: by name, the earlier directory wins, an empty file masks.
 *  *ret: paths below the root, in order of name. 0 or -ENOMEM. */
int conf_files(const char *root, const char *const directories[], const char *suffix, char ***ret);

/** Of huge pages, when none is named. */
uint64_t default_page_bytes(const char *root);

int claims_of_boot(const char *root, struct claims *c); /* command line, fstab */
int claims_of_conf(const char *root, struct claims *c); /* sysctl.d, tmpfiles.d */
int claims_of_tuned(const char *root, struct claims *c);
int claims_of_units(const char *root, struct claims *c);

#endif
