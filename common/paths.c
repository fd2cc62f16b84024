/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

/* BUILD/ROOM/PROGRAM -> BUILD/relative, if that exists. */
static int find_beside(const char *relative, char ret_path[static PATH_MAX]) {
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int len;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(self, '/');

		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	len = snprintf(ret_path, PATH_MAX, "%s/%s", self, relative);
	if (len < 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(ret_path, R_OK) < 0 ? -errno : 0;
}

static int find(const char *relative, const char *installed, char ret_path[static PATH_MAX]) {
	if (find_beside(relative, ret_path) == 0)
		return 0;
	strcpy(ret_path, installed);
	return access(ret_path, R_OK) < 0 ? -errno : 0;
}

int find_exec_helper(char ret_path[static PATH_MAX]) {
	return find("exec/rtmem-exec", RTMEM_EXEC_PATH, ret_path);
}

int find_hold_helper(char ret_path[static PATH_MAX]) {
	return find("hold/rtmem-hold", RTMEM_HOLD_PATH, ret_path);
}

int find_rotate_helper(char ret_path[static PATH_MAX]) {
	return find("exec/rtmem-rotate", RTMEM_ROTATE_PATH, ret_path);
}

int find_rtmemctl(char ret_path[static PATH_MAX]) {
	return find("ctl/rtmemctl", RTMEMCTL_PATH, ret_path);
}

int find_init_library(char ret_path[static PATH_MAX]) {
	int r = find("libinit/librtmem-init.so", RTMEM_INIT_LIBRARY_PATH, ret_path);

	if (r < 0)
		return r;
	return strpbrk(ret_path, ": \t\n") ? -EINVAL : 0;
}
