/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_SETTING_KIND_H
#define RTMEM_HOST_SETTING_KIND_H

/*
 * The kinds of settings, one row each. Most are one small kernel file; a kind knows where that file is,
 * how its text is read, and what to tell a person when it isn't there or doesn't obey. What isn't a file
 * (swap, a mount) brings its own reader and writer.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/setting.h"

/* Ranks of writing. */
enum setting_order {
	ORDER_SWAP, /* while memory is still there for what is swapped out */
	ORDER_PAGES, /* while memory may be compacted */
	ORDER_MOUNTS,
	ORDER_THP, /* the kernel then chooses a vm.min_free_kbytes of its own: before sysctl */
	ORDER_SYSCTL,
	ORDER_LAST, /* forbids what others needed */
};

struct setting_target {
	const struct setting_kind *kind;
	const char *setting;
	const char *rest; /* of the setting's name, behind the kind's prefix */
	const char *root;
	char path[PATH_MAX]; /* with the root */
};

struct setting_kind {
	const char *prefix; /* of the setting's name: "hugepages." */
	const char *doc; /* what it is, one sentence */
	enum setting_order order;
	/** Path below / of the file, from what follows the prefix. -EINVAL when the name is malformed. */
	int (*path)(const char *rest, char ret[static PATH_MAX]);
	/** NULL: the text of the file, decoded. */
	int (*read)(const struct setting_target *t, char **ret);
	/** NULL: one write of the value. A sentence in ret_reason is kept, else one is made. */
	int (*write)(const struct setting_target *t, const char *value,
		char ret_reason[static SETTING_REASON_MAX]);
	/** Text of the file -> value, in place. */
	void (*decode)(char *text);
	bool (*same)(const char *wanted, const char *actual);
	/** Why it doesn't apply: the file isn't there. */
	void (*explain_missing)(
		const struct setting_target *t, char ret[static SETTING_REASON_MAX]);
	/** Why the value read back isn't the one that was written without an error. */
	void (*explain_short)(const struct setting_target *t, const char *wanted,
		const char *actual, char ret[static SETTING_REASON_MAX]);
	/** NULL, or: why a write can't succeed here, as far as can be seen without trying. False: it may. */
	bool (*explain_blocked)(const struct setting_target *t, const char *wanted,
		const char *actual, char ret[static SETTING_REASON_MAX]);
	/** NULL: "write VALUE to PATH". */
	void (*describe)(const struct setting_target *t, const char *value,
		char ret[static SETTING_REASON_MAX]);
};

extern const struct setting_kind setting_kinds[];
extern const size_t n_setting_kinds;

/** Finds row and path of a setting. -EINVAL: there is none of this name. */
int setting_target_init(const char *setting, const char *root, struct setting_target *ret);

/** Does the file itself lack these permissions, for root as well? */
bool setting_lacks_mode(const struct setting_target *t, unsigned mode);

/** Why a write can't succeed; false: nothing speaks against it. */
bool setting_is_blocked(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);

/* ---- for the rows ------------------------------------------------------------------------------ */

/* setting-text.c: runs of white space become one blank; "always [madvise] never" -> "madvise" */
void decode_words(char *text);
void decode_choice(char *text);
bool same_words(const char *wanted, const char *actual);
/** The value begins with the wish, word by word. */
bool same_first_words(const char *wanted, const char *actual);

/* setting-pages.c */
int path_hugepages(const char *rest, char ret[static PATH_MAX]);
int path_surplus(const char *rest, char ret[static PATH_MAX]);
int write_hugepages(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]);
void missing_hugepages(const struct setting_target *t, char ret[static SETTING_REASON_MAX]);
void short_hugepages(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);

/* setting-blocked.c */
bool blocked_file(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);

/* setting-swap.c */
int path_swap(const char *rest, char ret[static PATH_MAX]);
int read_swap(const struct setting_target *t, char **ret);
int write_swap(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]);
bool same_swap(const char *wanted, const char *actual);
void missing_swap(const struct setting_target *t, char ret[static SETTING_REASON_MAX]);
void short_swap(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);
void describe_swap(
	const struct setting_target *t, const char *value, char ret[static SETTING_REASON_MAX]);

/* setting-mount.c */
#define MOUNT_TEXT_MAX 96
/** Value of a mount with these options ("pagesize=1G,uid=5"), as fstab has them. */
void mount_options_value(const char *options, char ret[static MOUNT_TEXT_MAX]);
int path_hugetlbfs(const char *rest, char ret[static PATH_MAX]);
int read_mounted(const struct setting_target *t, char **ret);
int write_mounted(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]);
bool same_hugetlbfs(const char *wanted, const char *actual);
bool blocked_mount(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);
void missing_hugetlbfs(const struct setting_target *t, char ret[static SETTING_REASON_MAX]);
void short_hugetlbfs(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]);
void describe_hugetlbfs(
	const struct setting_target *t, const char *value, char ret[static SETTING_REASON_MAX]);

#endif
