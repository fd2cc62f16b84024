/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_SET_H
#define RTMEM_LIBPOLICY_SET_H

/* From files to a policy set. The whole set is refused when one file of it has an error. */
#include "libpolicy/diagnostic.h"
#include "libpolicy/policy.h"

enum load_flags {
	LOAD_CHECK_OWNER =
		1 << 0, /* refuse what root doesn't own or others can write (rtmemd, root) */
};

/**
 * Reads `paths` (files; directories merge as systemd's do: *.yaml and *.yml, the same file name in an
 * earlier directory wins, a link to /dev/null masks, lexical order of file names over all directories).
 * A directory that doesn't exist is empty.
 * Returns 0 and a set with one reference; -EINVAL when there are errors in `d` (then *ret is NULL);
 * other negative errno (-ENOMEM). Warnings don't refuse.
 */
int policy_set_load(
	char *const *paths, unsigned flags, struct policy_set **ret, struct diagnostics *d);

/** The same for one document in memory; `name` stands for the file. What the fuzzer calls. */
int policy_set_parse(const char *name, const char *text, size_t len, struct policy_set **ret,
	struct diagnostics *d);

#endif
