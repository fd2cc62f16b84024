/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be seen without trying: files that nobody may write, and mounts that are read-only. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/setting-kind.h"

#define MOUNTS_MAX (4u << 20)

static bool is_below(const char *path, const char *directory) {
	size_t len = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Is the innermost mount above the path read-only? It's copied to ret_mount. */
static bool is_read_only(const char *mounts, const char *path, char ret_mount[static 512]) {
	size_t longest = 0;
	bool result = false;

	for (const char *line = mounts; line && *line; line = strchr(line, '\n')) {
		char directory[512], options[16];

		line += *line == '\n';
		if (sscanf(line, "%*s %511s %*s %15[^, \n]", directory, options) != 2 ||
			!is_below(path, directory) || strlen(directory) < longest)
			continue;
		longest = strlen(directory);
		result = strcmp(options, "ro") == 0;
		strcpy(ret_mount, directory);
	}
	return result;
}

bool blocked_file(const struct setting_target *t, const char *wanted, const char *actual,
	char ret[static SETTING_REASON_MAX]) {
	_cleanup_free_ char *mounts = NULL;
	char path[PATH_MAX], mount[512];

	if (setting_lacks_mode(t, 0222)) {
		snprintf(ret, SETTING_REASON_MAX, "this kernel lets nobody change it");
		return true;
	}
	if (snprintf(path, sizeof(path), "%s/proc/mounts", t->root) >= PATH_MAX ||
		read_file(path, MOUNTS_MAX, &mounts, NULL) < 0 ||
		!is_read_only(mounts, t->path + strlen(t->root), mount))
		return false;
	snprintf(ret, SETTING_REASON_MAX,
		"%.300s is mounted read-only, as in a container: apply it on the machine itself",
		mount);
	return true;
}
