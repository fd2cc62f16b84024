/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_SETTING_KIND_H
#define RTMEM_HOST_SETTING_KIND_H

/*
 * The kinds of settings, one row each. A setting is one small kernel file; a kind knows where that
 * file is, how its text is read, and what to tell a person when it isn't there or doesn't obey.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define SETTING_VALUE_MAX  4096
#define SETTING_REASON_MAX 512

struct setting_kind {
	const char *prefix; /* of the setting's name: "hugepages." */
	/** Path below / of the file, from what follows the prefix. -EINVAL when the name is malformed. */
	int (*path)(const char *rest, char ret[static PATH_MAX]);
	/** Text of the file -> value, in place. */
	void (*decode)(char *text);
	bool (*same)(const char *wanted, const char *actual);
	/** Why the file isn't there. */
	void (*explain_missing)(
		const char *root, const char *rest, char ret[static SETTING_REASON_MAX]);
	/** Why the value read back isn't the one that was written without an error. */
	void (*explain_short)(
		const char *wanted, const char *actual, char ret[static SETTING_REASON_MAX]);
};

/** In the order of writing: what may need compaction comes before what forbids it. */
extern const struct setting_kind setting_kinds[];
extern const size_t n_setting_kinds;

/** The row of a setting, NULL when there is none; *ret_rest is what follows the prefix. */
const struct setting_kind *setting_kind_find(const char *setting, const char **ret_rest);

#endif
