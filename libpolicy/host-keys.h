/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_HOST_KEYS_H
#define RTMEM_LIBPOLICY_HOST_KEYS_H

/* What the readers of `host:` share. */
#include "libpolicy/reader.h"

/** Adds a wish to a file's; a setting that was wished before, under this name or another, is an error. */
void add_wish(struct reader *r, struct file_policy *file, const struct place *place,
	const char *setting, const char *wanted);

/** Wishes for sysctls that neither the language nor `sysctl_allow` of the same file permits. */
void check_sysctls(const struct file_policy *file, struct diagnostics *d);

#define DRIFT_DEFAULT "default" /* in `host.drift`: every setting that isn't named there */

/** Says of each wish whether it's set again; complains about names that no wish has. */
void resolve_drift(struct file_policy *file, struct diagnostics *d);

#endif
