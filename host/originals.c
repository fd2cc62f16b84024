/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An original is on disk before the setting is changed, and is never overwritten: after a crash at
 * any instant the value from before rtmem is still known.
 */
#include "host/originals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/setting-kind.h"

static int path_of(const char *state_dir, const char *setting, char ret[static PATH_MAX]) {
	char *slash;

	if (setting[0] == '.' || setting[0] == '/' || strchr(setting, ':') ||
		strlen(setting) > NAME_MAX)
		return -EINVAL;
	if (snprintf(ret, PATH_MAX, "%s/host/%s", state_dir, setting) >= PATH_MAX)
		return -ENAMETOOLONG;
	/* a mount is named by its path: no name has a colon, so that stands for the slash */
	for (slash = ret + strlen(state_dir) + strlen("/host/"); (slash = strchr(slash, '/'));)
		*slash = ':';
	return 0;
}

int original_load(const char *state_dir, const char *setting, char **ret) {
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	int r;

	*ret = NULL;
	if (!state_dir)
		return 0;
	r = path_of(state_dir, setting, path);
	if (r == 0)
		r = read_file(path, SETTING_VALUE_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	text[strcspn(text, "\n")] = '\0';
	*ret = TAKE(text);
	return 0;
}

/* The directory's own entry must last as well: fsync of its parent. */
static int make_directory(const char *path, const char *parent) {
	_cleanup_close_ int fd = -1;

	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int make_directories(const char *state_dir) {
	char host[PATH_MAX], parent[PATH_MAX];
	char *slash;
	int r;

	if (snprintf(host, sizeof(host), "%s/host", state_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(parent, sizeof(parent), "%s", state_dir);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	r = make_directory(state_dir, slash ? parent : ".");
	return r < 0 ? r : make_directory(host, state_dir);
}

int original_save(const char *state_dir, const char *setting, const char *value) {
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct stat st;
	int r;

	r = path_of(state_dir, setting, path);
	if (r < 0)
		return r;
	if (lstat(path, &st) == 0)
		return 0;
	r = make_directories(state_dir);
	if (r < 0)
		return r;
	if (asprintf(&text, "%s\n", value) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return write_file_atomic(path, text, 0644);
}

void original_discard(const char *state_dir, const char *setting) {
	char path[PATH_MAX];

	if (path_of(state_dir, setting, path) == 0)
		(void)unlink(path);
}
