/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of kinds, and the rows that are plain files: transparent huge pages, KSM, sysctl. The first
 * row that fits a name is its row.
 */
#include "host/setting-kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

#define THP_DIRECTORY "/sys/kernel/mm/transparent_hugepage"

/* Names of files: no path leaves the directory. */
static bool is_file_name(const char *text) {
	return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* ---- transparent huge pages -------------------------------------------------------------------- */

static int path_thp(const char *rest, char ret[static PATH_MAX]) {
	if (!*rest)
		rest = "enabled";
	if (!is_file_name(rest))
		return -EINVAL;
	snprintf(ret, PATH_MAX, THP_DIRECTORY "/%.200s", rest);
	return 0;
}

/* "64K" -> the directory of this size, with the file */
static int path_thp_file(const char *size, const char *file, char ret[static PATH_MAX]) {
	uint64_t bytes;

	if (parse_size(size, &bytes) < 0 || bytes < 1024)
		return -EINVAL;
	snprintf(ret, PATH_MAX, THP_DIRECTORY "/hugepages-%" PRIu64 "kB/%s", bytes / 1024, file);
	return 0;
}

static int path_thp_size(const char *rest, char ret[static PATH_MAX]) {
	return path_thp_file(rest, "enabled", ret);
}

static int path_thp_shmem_size(const char *rest, char ret[static PATH_MAX]) {
	return path_thp_file(rest, "shmem_enabled", ret);
}

static void missing_thp_size(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"this kernel has no transparent huge pages of %.40s that can be set by themselves: "
		"not of this size, or it's older than 6.8 (6.11 for shared memory)",
		t->rest);
}

static int path_khugepaged(const char *rest, char ret[static PATH_MAX]) {
	if (!is_file_name(rest))
		return -EINVAL;
	snprintf(ret, PATH_MAX, THP_DIRECTORY "/khugepaged/%.200s", rest);
	return 0;
}

static void missing_thp(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	char directory[PATH_MAX];

	if (snprintf(directory, sizeof(directory), "%s" THP_DIRECTORY, t->root) < PATH_MAX &&
		access(directory, F_OK) == 0)
		snprintf(ret, SETTING_REASON_MAX,
			"this kernel's transparent huge pages have no %.200s", t->rest);
	else
		snprintf(ret, SETTING_REASON_MAX, "this kernel has no transparent huge pages");
}

/* ---- KSM --------------------------------------------------------------------------------------- */

static int path_ksm(const char *rest, char ret[static PATH_MAX]) {
	if (!is_file_name(rest))
		return -EINVAL;
	snprintf(ret, PATH_MAX, "/sys/kernel/mm/ksm/%.200s", rest);
	return 0;
}

static void missing_ksm(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX, "this kernel merges no pages (it has no KSM)");
}

/* ---- sysctl ------------------------------------------------------------------------------------ */

/* "vm.swappiness" -> /proc/sys/vm/swappiness. A dot always separates, so that ".." can't be named. */
static int path_sysctl(const char *rest, char ret[static PATH_MAX]) {
	size_t len = strlen(rest);

	if (len == 0 || len > 200 || rest[0] == '.' || rest[len - 1] == '.' || strstr(rest, "..") ||
		strchr(rest, '/'))
		return -EINVAL;
	snprintf(ret, PATH_MAX, "/proc/sys/%s", rest);
	for (char *p = ret + strlen("/proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	return 0;
}

/* How many zones there are depends on the machine: what a shorter list says counts. */
static int path_lowmem(const char *rest, char ret[static PATH_MAX]) {
	strcpy(ret, "/proc/sys/vm/lowmem_reserve_ratio");
	return 0;
}

static void missing_sysctl(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"this kernel has no sysctl %.200s: it's misspelt, or a part of the kernel that "
		"isn't built in or loaded",
		t->setting + strlen("sysctl."));
}

static void short_value(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"it was written without an error, yet it reads %.100s: the kernel rounds it, or "
		"another program sets it too",
		actual);
}

/* ---- the table --------------------------------------------------------------------------------- */

const struct setting_kind setting_kinds[] = {
	{
		.prefix = "swap",
		.doc = "Swap devices and files in use; off takes all of them out of use.",
		.order = ORDER_SWAP,
		.path = path_swap,
		.read = read_swap,
		.write = write_swap,
		.same = same_swap,
		.explain_missing = missing_swap,
		.explain_short = short_swap,
		.describe = describe_swap,
	},
	{
		.prefix = "hugepages.",
		.doc = "Huge pages kept in reserve, of the machine or of one NUMA node.",
		.order = ORDER_PAGES,
		.path = path_hugepages,
		.write = write_hugepages,
		.decode = decode_words,
		.same = same_words,
		.explain_missing = missing_hugepages,
		.explain_short = short_hugepages,
	},
	{
		.prefix = "hugepages_surplus.",
		.doc = "Huge pages that the kernel may make beyond the reserve, if it can.",
		.order = ORDER_PAGES,
		.path = path_surplus,
		.decode = decode_words,
		.same = same_words,
		.explain_missing = missing_hugepages,
		.explain_short = short_value,
	},
	{
		.prefix = "hugetlbfs.",
		.doc = "A mount through which programs map huge pages as files.",
		.order = ORDER_MOUNTS,
		.path = path_hugetlbfs,
		.read = read_mounted,
		.write = write_mounted,
		.same = same_hugetlbfs,
		.explain_missing = missing_hugetlbfs,
		.explain_short = short_hugetlbfs,
		.explain_blocked = blocked_mount,
		.describe = describe_hugetlbfs,
	},
	{
		.prefix = "transparent_hugepage",
		.doc = "Where the kernel uses transparent huge pages.",
		.order = ORDER_THP,
		.path = path_thp,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp,
		.explain_short = short_value,
	},
	{
		.prefix = "transparent_hugepage.khugepaged.",
		.doc = "The thread that makes transparent huge pages in the background.",
		.order = ORDER_THP,
		.path = path_khugepaged,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp,
		.explain_short = short_value,
	},
	{
		.prefix = "transparent_hugepage.size.",
		.doc = "Where the kernel uses transparent huge pages of this size.",
		.order = ORDER_THP,
		.path = path_thp_size,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp_size,
		.explain_short = short_value,
	},
	{
		.prefix = "transparent_hugepage.shmem_size.",
		.doc = "Where shared memory takes transparent huge pages of this size.",
		.order = ORDER_THP,
		.path = path_thp_shmem_size,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp_size,
		.explain_short = short_value,
	},
	{
		.prefix = "transparent_hugepage.",
		.doc = "How the kernel makes transparent huge pages.",
		.order = ORDER_THP,
		.path = path_thp,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp,
		.explain_short = short_value,
	},
	{
		.prefix = "ksm.",
		.doc = "Merging of equal pages (KSM): a write to a merged page is a fault.",
		.order = ORDER_SYSCTL,
		.path = path_ksm,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_ksm,
		.explain_short = short_value,
	},
	{
		.prefix = "sysctl.vm.lowmem_reserve_ratio",
		.doc = "What is kept of the lower zones, one divisor per zone.",
		.order = ORDER_SYSCTL,
		.path = path_lowmem,
		.decode = decode_words,
		.same = same_first_words,
		.explain_missing = missing_sysctl,
		.explain_short = short_value,
	},
	{
		.prefix = "sysctl.",
		.doc = "A file below /proc/sys, by its dotted name.",
		.order = ORDER_SYSCTL,
		.path = path_sysctl,
		.decode = decode_words,
		.same = same_words,
		.explain_missing = missing_sysctl,
		.explain_short = short_value,
	},
};
const size_t n_setting_kinds = ARRAY_LEN(setting_kinds);
