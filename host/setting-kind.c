/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Huge pages, transparent huge pages, sysctl: where each is found, how it reads, and what stands in
 * its way. Huge pages come first, because the kernel may have to compact memory for them, and a
 * sysctl below may forbid just that.
 */
#include "host/setting-kind.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

#define HUGEPAGES_DIRECTORY "/sys/kernel/mm/hugepages"

/* ---- values ------------------------------------------------------------------------------------ */

static bool is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\n';
}

/* Runs of white space become one blank; none at either end. */
static void decode_words(char *text) {
	char *out = text;

	for (const char *p = text; *p; p++) {
		if (!is_blank(*p))
			*out++ = *p;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	}
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

/* "always [madvise] never" -> "madvise" */
static void decode_choice(char *text) {
	char *open = strchr(text, '[');
	char *close = open ? strchr(open, ']') : NULL;

	if (!close) {
		decode_words(text);
		return;
	}
	*close = '\0';
	memmove(text, open + 1, strlen(open + 1) + 1);
}

static bool same_words(const char *wanted, const char *actual) {
	char normal[SETTING_VALUE_MAX];

	if (strlen(wanted) >= sizeof(normal))
		return false;
	strcpy(normal, wanted);
	decode_words(normal);
	return strcmp(normal, actual) == 0;
}

/* ---- huge pages -------------------------------------------------------------------------------- */

/* "2M" or "2M.node0" -> size in bytes and node, -1 without one. */
static int parse_hugepages(const char *rest, uint64_t *ret_bytes, int *ret_node) {
	const char *dot = strchr(rest, '.');
	char size[UNITS_TEXT_MAX];
	uint64_t node;

	if (snprintf(size, sizeof(size), "%.*s", dot ? (int)(dot - rest) : (int)strlen(rest),
		    rest) >= (int)sizeof(size))
		return -EINVAL;
	*ret_node = -1;
	if (parse_size(size, ret_bytes) < 0)
		return -EINVAL;
	if (!dot)
		return 0;
	if (strncmp(dot, ".node", 5) != 0 || parse_u64(dot + 5, &node) < 0 || node > 65535)
		return -EINVAL;
	*ret_node = (int)node;
	return 0;
}

static int path_hugepages(const char *rest, char ret[static PATH_MAX]) {
	char directory[64] = HUGEPAGES_DIRECTORY;
	uint64_t bytes;
	int node, r;

	r = parse_hugepages(rest, &bytes, &node);
	if (r < 0)
		return r;
	if (node >= 0)
		snprintf(directory, sizeof(directory), "/sys/devices/system/node/node%d/hugepages",
			node);
	snprintf(ret, PATH_MAX, "%s/hugepages-%" PRIu64 "kB/nr_hugepages", directory, bytes / 1024);
	return 0;
}

/* Sizes that this kernel offers, as "2M, 1G"; "" if none. */
static void list_sizes(const char *root, char *buf, size_t size) {
	char path[PATH_MAX];
	_cleanup_closedir_ DIR *dir = NULL;
	size_t used = 0;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s%s", root, HUGEPAGES_DIRECTORY) >= PATH_MAX)
		return;
	dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		static const char prefix[] = "hugepages-";
		char text[UNITS_TEXT_MAX];

		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		format_size(strtoull(entry->d_name + sizeof(prefix) - 1, NULL, 10) * 1024, text);
		if (used + strlen(text) + 3 > size)
			return;
		used += (size_t)sprintf(buf + used, "%s%s", used ? ", " : "", text);
	}
}

static void missing_hugepages(
	const char *root, const char *rest, char ret[static SETTING_REASON_MAX]) {
	char size[UNITS_TEXT_MAX], sizes[128];
	uint64_t bytes = 0;
	int node = -1;

	(void)parse_hugepages(rest, &bytes, &node);
	list_sizes(root, sizes, sizeof(sizes));
	if (!*sizes)
		snprintf(ret, SETTING_REASON_MAX, "this kernel has no huge pages");
	else if (node >= 0)
		snprintf(ret, SETTING_REASON_MAX,
			"this machine has no memory node %d with huge pages of %s (sizes: %s)",
			node, format_size(bytes, size), sizes);
	else
		snprintf(ret, SETTING_REASON_MAX, "this kernel has no huge pages of %s, only of %s",
			format_size(bytes, size), sizes);
}

static void short_hugepages(
	const char *wanted, const char *actual, char ret[static SETTING_REASON_MAX]) {
	uint64_t asked = 0, got = 0;

	(void)parse_u64(wanted, &asked);
	(void)parse_u64(actual, &got);
	if (got > asked)
		snprintf(ret, SETTING_REASON_MAX,
			"%" PRIu64 " more than wanted are still there: they are in use and go when "
			"their users let go of them",
			got - asked);
	else
		snprintf(ret, SETTING_REASON_MAX,
			"the kernel found %" PRIu64 " of %" PRIu64 ", %" PRIu64 " are missing: "
			"memory is used up or fragmented; free some, compact it (write 1 to "
			"/proc/sys/vm/compact_memory) and apply again, or reserve them at boot "
			"with `hugepagesz=` and `hugepages=` on the kernel command line",
			got, asked, asked - got);
}

/* ---- transparent huge pages -------------------------------------------------------------------- */

static int path_thp(const char *rest, char ret[static PATH_MAX]) {
	if (*rest)
		return -EINVAL;
	strcpy(ret, "/sys/kernel/mm/transparent_hugepage/enabled");
	return 0;
}

static void missing_thp(const char *root, const char *rest, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX, "this kernel has no transparent huge pages");
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

static void missing_sysctl(
	const char *root, const char *rest, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"this kernel has no sysctl %.200s: it's misspelt, or a part of the kernel that "
		"isn't built in or loaded",
		rest);
}

static void short_value(
	const char *wanted, const char *actual, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"it was written without an error, yet it reads %.100s: the kernel rounds it, or "
		"another program sets it too",
		actual);
}

/* ---- the table --------------------------------------------------------------------------------- */

const struct setting_kind setting_kinds[] = {
	{
		.prefix = "hugepages.",
		.path = path_hugepages,
		.decode = decode_words,
		.same = same_words,
		.explain_missing = missing_hugepages,
		.explain_short = short_hugepages,
	},
	{
		.prefix = "transparent_hugepage",
		.path = path_thp,
		.decode = decode_choice,
		.same = same_words,
		.explain_missing = missing_thp,
		.explain_short = short_value,
	},
	{
		.prefix = "sysctl.",
		.path = path_sysctl,
		.decode = decode_words,
		.same = same_words,
		.explain_missing = missing_sysctl,
		.explain_short = short_value,
	},
};
const size_t n_setting_kinds = ARRAY_LEN(setting_kinds);

const struct setting_kind *setting_kind_find(const char *setting, const char **ret_rest) {
	for (size_t i = 0; i < n_setting_kinds; i++) {
		size_t len = strlen(setting_kinds[i].prefix);

		if (strncmp(setting, setting_kinds[i].prefix, len) != 0)
			continue;
		*ret_rest = setting + len;
		return &setting_kinds[i];
	}
	return NULL;
}
