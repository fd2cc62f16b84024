/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program to become: where it is, and whether a library can be injected into it. The dynamic loader
 * skips LD_PRELOAD in silence for static, setuid and capability-carrying programs; asking beforehand
 * gives the silence a name.
 */
#include "exec/launch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/strv.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define SCRIPT_DEPTH 4 /* interpreters of interpreters, as the kernel allows */

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

/* The kernel's conditions for AT_SECURE. */
static const char *mode_refuses(int fd) {
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	if ((st.st_mode & S_ISUID) && st.st_uid != geteuid())
		return "it is setuid";
	if ((st.st_mode & S_ISGID) && st.st_gid != getegid())
		return "it is setgid";
	if (geteuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "it carries file capabilities (remove them with setcap -r and name them under "
		       "capabilities in the policy, which keeps injection possible)";
	return NULL;
}

/* "#!/usr/bin/python3 -u" -> the interpreter; false if it is none. */
static bool script_interpreter(char *line, char path[static PATH_MAX]) {
	char *start, *end;

	if (strncmp(line, "#!", 2) != 0)
		return false;
	start = line + 2 + strspn(line + 2, " \t");
	end = start + strcspn(start, " \t\n");
	if (end == start || end - start >= PATH_MAX)
		return false;
	*end = '\0';
	strcpy(path, start);
	return true;
}

static const char *refuses(const char *path, int depth) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char interpreter[PATH_MAX];
	union {
		Elf64_Ehdr elf;
		char line[512];
	} head = { .line = "" };

	if (fd < 0 || pread(fd, head.line, sizeof(head.line) - 1, 0) < 4)
		return NULL; /* not ours to judge: execve() will say */
	if (memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
		const char *reason = mode_refuses(fd);

		return reason ? reason : elf_refuses_preload(fd, &head.elf);
	}
	if (depth < SCRIPT_DEPTH && script_interpreter(head.line, interpreter))
		return refuses(interpreter, depth + 1);
	return NULL;
}

const char *target_refuses_preload(const char *path) {
	return refuses(path, 0);
}
