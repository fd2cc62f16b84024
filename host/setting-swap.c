/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Swap, as one setting: "off", or the devices in use with their priorities, "/dev/sda2:-2 /swap:5".
 * The second form is what a rollback gives back. `report` is a wish for "off" that is never written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/strv.h"
#include "host/setting-kind.h"

int path_swap(const char *rest, char ret[static PATH_MAX]) {
	if (*rest)
		return -EINVAL;
	strcpy(ret, "/proc/swaps");
	return 0;
}

/* "/dev/sda2  partition  2097148  0  -2" -> "/dev/sda2:-2" */
static int append_area(const char *line, char *value, size_t size) {
	char name[PATH_MAX], type[32];
	unsigned long long total, used;
	size_t length = strlen(value);
	int priority;

	if (sscanf(line, "%4095s %31s %llu %llu %d", name, type, &total, &used, &priority) != 5)
		return -EBADMSG;
	return snprintf(value + length, size - length, "%s%s:%d", length ? " " : "", name,
		       priority) < (int)(size - length)
		? 0
		: -EFBIG;
}

int read_swap(const struct setting_target *t, char **ret) {
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **lines = NULL;
	char value[SETTING_VALUE_MAX] = "";
	int r = read_file(t->path, 1 << 16, &text, NULL);

	if (r == 0)
		r = strv_split(text, "\n", &lines);
	for (size_t i = 1; r == 0 && i < strv_length(lines); i++)
		r = append_area(lines[i], value, sizeof(value));
	if (r < 0)
		return r;
	*ret = strdup(*value ? value : "off");
	return *ret ? 0 : -ENOMEM;
}

bool same_swap(const char *wanted, const char *actual) {
	return strcmp(strcmp(wanted, "report") == 0 ? "off" : wanted, actual) == 0;
}

void missing_swap(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX, "this kernel has no swap");
}

void short_swap(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"swap is in use again (%.200s): look for it in /etc/fstab, among the .swap units of "
		"systemd, and for zram-generator",
		actual);
}

void describe_swap(
	const struct setting_target *t, const char *value, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		strcmp(value, "off") == 0 ? "swapoff of all that /proc/swaps names"
					  : "swapon of %.400s",
		value);
}

/* /proc/swaps writes blanks and the like as octal numbers. */
static void unescape(char *text) {
	char *out = text;

	for (const char *p = text; *p; p++) {
		unsigned code;

		if (*p == '\\' && sscanf(p + 1, "%3o", &code) == 1 && strlen(p) >= 4) {
			*out++ = (char)code;
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* "/swap:5" -> its path in place, and the priority */
static int split_area(char *area, int *ret_priority) {
	char *colon = strrchr(area, ':');

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	*ret_priority = atoi(colon + 1);
	unescape(area);
	return 0;
}

static int area_off(char *area, char ret_reason[static SETTING_REASON_MAX]) {
	int priority, r = split_area(area, &priority);

	if (r < 0 || swapoff(area) == 0)
		return r;
	r = -errno;
	snprintf(ret_reason, SETTING_REASON_MAX, "swapoff of %.200s failed: %s%s", area,
		strerror(-r),
		r == -ENOMEM	      ? "; what is swapped out doesn't fit into memory: free some"
			: r == -EPERM ? "; it takes CAP_SYS_ADMIN"
				      : "");
	return r;
}

static int area_on(char *area, char ret_reason[static SETTING_REASON_MAX]) {
	int priority, r = split_area(area, &priority), flags = 0;

	if (r < 0)
		return r;
	if (priority >= 0) /* negative ones are the kernel's own choice */
		flags = SWAP_FLAG_PREFER | (priority & SWAP_FLAG_PRIO_MASK);
	if (swapon(area, flags) == 0 || errno == EBUSY)
		return 0;
	r = -errno;
	snprintf(ret_reason, SETTING_REASON_MAX, "swapon of %.200s failed: %s%s", area,
		strerror(-r), r == -EPERM ? "; it takes CAP_SYS_ADMIN" : "");
	return r;
}

static int each_area(const char *value,
	int (*act)(char *area, char ret_reason[static SETTING_REASON_MAX]),
	char ret_reason[static SETTING_REASON_MAX]) {
	_cleanup_strv_ char **areas = NULL;
	int result = strv_split(value, " ", &areas);

	STRV_FOREACH (area, areas) {
		int r = act(*area, ret_reason);

		result = r < 0 ? r : result;
	}
	return result;
}

int write_swap(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]) {
	_cleanup_free_ char *actual = NULL;
	int r;

	if (strcmp(value, "report") == 0) {
		snprintf(
			ret_reason, SETTING_REASON_MAX, "`swap: report` tells of it and leaves it");
		return -EPERM;
	}
	if (*t->root) {
		snprintf(ret_reason, SETTING_REASON_MAX,
			"swap of another machine's files can't be changed");
		return -EROFS;
	}
	if (strcmp(value, "off") != 0)
		return each_area(value, area_on, ret_reason);
	r = read_swap(t, &actual);
	if (r < 0 || strcmp(actual, "off") == 0)
		return r;
	return each_area(actual, area_off, ret_reason);
}
