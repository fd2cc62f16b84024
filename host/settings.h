/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_SETTINGS_H
#define RTMEM_HOST_SETTINGS_H

/*
 * The settings that a policy wishes, as a whole: desired x actual -> states. One setting: setting.h; the
 * kinds, one row each: setting-kind.h. Every write is read back; only wished settings are touched.
 * `root` is a prefix for /proc and /sys ("" = this machine), for tests and captured trees.
 */
#include <stdbool.h>
#include <stddef.h>

#include "libpolicy/policy.h"

enum setting_result {
	SETTING_OK,
	SETTING_DRIFT,
	SETTING_NOT_APPLICABLE
};
const char *setting_result_to_string(enum setting_result r); /* "ok", "drift", "not-applicable" */

struct setting_state {
	char *setting; /* "hugepages.2M", "transparent_hugepage", "sysctl.vm.swappiness" */
	char *wanted;
	char *actual; /* "" when it can't be read */
	char *original; /* before rtmem's first write; NULL = rtmem never wrote it */
	enum setting_result result;
	char *reason; /* why not ok: one sentence with the remedy; "" if ok */
	struct place place;
	bool held; /* not to be set before the next apply: tried, or rolled back */
	bool report; /* only told about, never written: `swap: report` */
	char *written; /* what rtmem left there since the machine was started; NULL = not known */
};

struct settings {
	struct setting_state *items;
	size_t n_items;
};
void settings_done(struct settings *s);
#define _cleanup_settings_ CLEANUP(settings_done)

/** Reads the actual value again and judges it. A reason for drift may be put in place of the general
 *  one by setting_state_judge(). 0 or -ENOMEM. */
int setting_state_compare(struct setting_state *s, const char *root);
int setting_state_judge(struct setting_state *s, enum setting_result result, const char *reason);

/** Indices of the items in the order of writing (to go back: from the end). ret is malloc'ed. */
int settings_in_order(const struct settings *s, size_t **ret);

/** Reads the actual value of each wish and compares. state_dir (may be NULL): where originals are. */
int settings_diff(const struct policy_set *set, const char *root, const char *state_dir,
	struct settings *ret);

#endif
