/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program to become: where it is, found as execvp() would. */
#include "exec/launch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/strv.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

static int try_path(const char *directory, const char *file, char **ret_path) {
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", directory, file) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (access(path, X_OK) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	*ret_path = TAKE(path);
	return 0;
}

int target_find(const struct launch *l, char **ret_path) {
	const char *search = strv_env_get(l->env, "PATH");
	_cleanup_strv_ char **directories = NULL;
	int r, result = -ENOENT;

	if (strchr(l->file, '/')) {
		*ret_path = strdup(l->file);
		return *ret_path ? 0 : -ENOMEM;
	}
	r = strv_split(search ? search : DEFAULT_PATH, ":", &directories);
	if (r < 0)
		return r;
	STRV_FOREACH (d, directories) {
		r = try_path(*d, l->file, ret_path);
		if (r == 0 || r == -ENOMEM)
			return r;
		if (r == -EACCES)
			result = r;
	}
	return result;
}
