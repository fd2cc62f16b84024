/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts of hugetlbfs, one setting each: "absent", or page size, owner and mode of its directory,
 * "2M 0:0 0755". What rtmem finds mounted it never unmounts: only an original that says "absent" leads
 * to that, and then the mount is rtmem's own.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/strv.h"
#include "common/units.h"
#include "host/setting-kind.h"

/* Nothing is mounted; "absent below /mnt": nor is there a directory, nor one above it up to /mnt. */
#define ABSENT "absent"
#define BELOW  " below "

struct mount_value {
	uint64_t page_bytes;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

int path_hugetlbfs(const char *rest, char ret[static PATH_MAX]) {
	if (rest[0] != '/' || strstr(rest, "/.") || strlen(rest) > 400)
		return -EINVAL;
	strcpy(ret, "/proc/mounts");
	return 0;
}

/* ---- values ------------------------------------------------------------------------------------ */

static int find_user(const char *name, uid_t *ret) {
	const struct passwd *user;
	uint64_t number;

	if (parse_u64(name, &number) == 0 && number < UINT32_MAX) {
		*ret = (uid_t)number;
		return 0;
	}
	user = getpwnam(name);
	if (!user)
		return -ENOENT;
	*ret = user->pw_uid;
	return 0;
}

static int find_group(const char *name, gid_t *ret) {
	const struct group *group;
	uint64_t number;

	if (parse_u64(name, &number) == 0 && number < UINT32_MAX) {
		*ret = (gid_t)number;
		return 0;
	}
	group = getgrnam(name);
	if (!group)
		return -ENOENT;
	*ret = group->gr_gid;
	return 0;
}

/* "2M robot:video 0770"; -ENOENT when there is no such user or group here. */
static int parse_value(const char *text, struct mount_value *ret) {
	char size[UNITS_TEXT_MAX], user[64], group[64];
	unsigned mode;
	int r;

	if (sscanf(text, "%31s %63[^:]:%63s %o", size, user, group, &mode) != 4 || mode > 07777)
		return -EINVAL;
	ret->mode = mode;
	r = parse_size(size, &ret->page_bytes);
	if (r == 0)
		r = find_user(user, &ret->uid);
	return r == 0 ? find_group(group, &ret->gid) : r;
}

static bool is_absent(const char *value) {
	size_t len = strlen(ABSENT);

	return strncmp(value, ABSENT, len) == 0 &&
		(value[len] == '\0' || strncmp(value + len, BELOW, strlen(BELOW)) == 0);
}

/* A directory that was made for the mount and isn't empty any more is nobody's difference. */
bool same_hugetlbfs(const char *wanted, const char *actual) {
	struct mount_value left, right;

	if (strcmp(wanted, actual) == 0 || (is_absent(wanted) && is_absent(actual)))
		return true;
	return parse_value(wanted, &left) == 0 && parse_value(actual, &right) == 0 &&
		left.page_bytes == right.page_bytes && left.uid == right.uid &&
		left.gid == right.gid && left.mode == right.mode;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* "rw,relatime,uid=5,mode=770,pagesize=2M": what isn't there has its default. */
static void parse_options(const char *options, struct mount_value *v) {
	_cleanup_strv_ char **items = NULL;

	(void)strv_split(options, ",", &items);
	STRV_FOREACH (item, items) {
		if (strncmp(*item, "pagesize=", 9) == 0)
			(void)parse_size(*item + 9, &v->page_bytes);
		else if (strncmp(*item, "uid=", 4) == 0)
			v->uid = (uid_t)strtoul(*item + 4, NULL, 10);
		else if (strncmp(*item, "gid=", 4) == 0)
			v->gid = (gid_t)strtoul(*item + 4, NULL, 10);
		else if (strncmp(*item, "mode=", 5) == 0)
			v->mode = (mode_t)strtoul(*item + 5, NULL, 8);
	}
}

/* The last mount on a path hides those before it. False: none. */
static bool find_mount(char *const *lines, const char *path, char ret_type[static 64],
	char ret_options[static 1024]) {
	bool found = false;

	STRV_FOREACH (line, lines) {
		char where[512], type[64], options[1024];

		if (sscanf(*line, "%*s %511s %63s %1023s", where, type, options) != 3 ||
			strcmp(where, path) != 0)
			continue;
		strcpy(ret_type, type);
		strcpy(ret_options, options);
		found = true;
	}
	return found;
}

static void format_value(const struct mount_value *v, char ret[static MOUNT_TEXT_MAX]) {
	char size[UNITS_TEXT_MAX];

	snprintf(ret, MOUNT_TEXT_MAX, "%s %u:%u %04o", format_size(v->page_bytes, size), v->uid,
		v->gid, v->mode);
}

void mount_options_value(const char *options, char ret[static MOUNT_TEXT_MAX]) {
	struct mount_value v = { .page_bytes = 2u << 20, .mode = 0755 };

	parse_options(options, &v);
	format_value(&v, ret);
}

/* The directory that is to be there already when the others are made. */
static int read_absent(const struct setting_target *t, char **ret) {
	char there[512];
	struct stat st;
	int n;

	snprintf(there, sizeof(there), "%s", t->rest);
	while (!*t->root && there[1] && lstat(there, &st) < 0 && errno == ENOENT) {
		char *slash = strrchr(there, '/');

		slash[slash == there] = '\0';
	}
	n = strcmp(there, t->rest) == 0 ? asprintf(ret, ABSENT)
					: asprintf(ret, ABSENT BELOW "%s", there);
	return n < 0 ? -ENOMEM : 0;
}

int read_mounted(const struct setting_target *t, char **ret) {
	struct mount_value v = { .mode = 0755 };
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ char **lines = NULL;
	char type[64], options[1024], value[MOUNT_TEXT_MAX];
	struct stat st;
	int r = read_file(t->path, 4 << 20, &text, NULL);

	if (r == 0)
		r = strv_split(text, "\n", &lines);
	if (r < 0)
		return r;
	if (!find_mount(lines, t->rest, type, options))
		return read_absent(t, ret);
	if (strcmp(type, "hugetlbfs") != 0)
		return asprintf(ret, "%s", type) < 0 ? -ENOMEM : 0;
	parse_options(options, &v);
	if (!*t->root && stat(t->rest, &st) == 0) {
		v.uid = st.st_uid;
		v.gid = st.st_gid;
		v.mode = st.st_mode & 07777;
	}
	format_value(&v, value);
	return asprintf(ret, "%s", value) < 0 ? -ENOMEM : 0;
}

void missing_hugetlbfs(const struct setting_target *t, char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX, "%.200s isn't there: /proc isn't mounted", t->path);
}

void short_hugetlbfs(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	snprintf(ret, SETTING_REASON_MAX,
		"it reads %.100s after it was set: another program mounts here too", actual);
}

void describe_hugetlbfs(
	const struct setting_target *t, const char *value, char ret[static SETTING_REASON_MAX]) {
	if (is_absent(value))
		snprintf(ret, SETTING_REASON_MAX, "unmount %.400s", t->rest);
	else
		snprintf(ret, SETTING_REASON_MAX, "mount hugetlbfs on %.300s (%.100s)", t->rest,
			value);
}

bool blocked_mount(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	struct mount_value now, asked;

	if (is_absent(actual) || parse_value(wanted, &asked) < 0)
		return false;
	if (parse_value(actual, &now) == 0 && now.page_bytes == asked.page_bytes)
		return false;
	snprintf(ret, SETTING_REASON_MAX,
		"%.200s has a mount already, and not with these pages (%.100s); it isn't rtmem's: "
		"choose another directory, or unmount it",
		t->rest, actual);
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int make_directories(const char *path) {
	char copy[512];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int do_mount(const char *path, const struct mount_value *v) {
	char options[256], size[UNITS_TEXT_MAX];
	int r = make_directories(path);

	if (r < 0)
		return r;
	snprintf(options, sizeof(options), "pagesize=%s,uid=%u,gid=%u,mode=%04o",
		format_size(v->page_bytes, size), v->uid, v->gid, v->mode);
	return mount("hugetlbfs", path, "hugetlbfs", MS_NOSUID | MS_NODEV, options) < 0 ? -errno
											: 0;
}

static int do_unmount(const char *path, char ret_reason[static SETTING_REASON_MAX]) {
	if (umount2(path, UMOUNT_NOFOLLOW) == 0 || errno == EINVAL)
		return 0;
	if (errno == EBUSY)
		snprintf(ret_reason, SETTING_REASON_MAX,
			"%.300s can't be unmounted: programs have files or directories of it open",
			path);
	return -errno;
}

/* Those that were made for the mount. What somebody uses by now isn't empty, or isn't ours: it stays. */
static void remove_directories(const char *path, const char *value) {
	const char *below = strstr(value, BELOW);
	const char *there = below ? below + strlen(BELOW) : path;
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", path);
	if (strncmp(copy, there, strlen(there)) != 0)
		return;
	while (strlen(copy) > strlen(there)) {
		struct stat st;

		if (lstat(copy, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
			rmdir(copy) < 0)
			return;
		*strrchr(copy, '/') = '\0';
	}
}

static int change(const struct setting_target *t, const struct mount_value *v, const char *actual,
	char ret_reason[static SETTING_REASON_MAX]) {
	struct mount_value now;

	if (parse_value(actual, &now) < 0 || now.page_bytes != v->page_bytes) {
		snprintf(ret_reason, SETTING_REASON_MAX,
			"%.200s has a mount already, and not with these pages (%.100s); it isn't "
			"rtmem's: choose another directory, or unmount it",
			t->rest, actual);
		return -EBUSY;
	}
	if (chown(t->rest, v->uid, v->gid) < 0 || chmod(t->rest, v->mode) < 0)
		return -errno;
	return 0;
}

static int explain_value(int r, const char *value, char ret_reason[static SETTING_REASON_MAX]) {
	if (r == -ENOENT)
		snprintf(ret_reason, SETTING_REASON_MAX,
			"this machine has no such user or group: %.200s", value);
	return r;
}

int write_mounted(const struct setting_target *t, const char *value,
	char ret_reason[static SETTING_REASON_MAX]) {
	_cleanup_free_ char *actual = NULL;
	struct mount_value v = { 0 };
	int r;

	if (*t->root) {
		snprintf(ret_reason, SETTING_REASON_MAX,
			"mounts of another machine's files can't be changed");
		return -EROFS;
	}
	if (is_absent(value)) {
		r = do_unmount(t->rest, ret_reason);
		if (r == 0)
			remove_directories(t->rest, value);
		return r;
	}
	r = parse_value(value, &v);
	if (r < 0)
		return explain_value(r, value, ret_reason);
	r = read_mounted(t, &actual);
	if (r < 0)
		return r;
	if (!is_absent(actual))
		return change(t, &v, actual, ret_reason);
	r = do_mount(t->rest, &v);
	if (r < 0)
		snprintf(ret_reason, SETTING_REASON_MAX,
			"hugetlbfs can't be mounted on %.200s: %s%s", t->rest, strerror(-r),
			r == -EINVAL || r == -ENODEV
				? "; this kernel has no huge pages of this size"
				: r == -EPERM ? "; it takes CAP_SYS_ADMIN"
					      : "");
	return r;
}
