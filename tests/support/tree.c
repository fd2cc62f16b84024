/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"

static void check(int good, const char *what) {
	if (good)
		return;
	perror(what);
	abort();
}

char *tree_new(void) {
	char *tree = strdup("/tmp/rtmem-tree-XXXXXX");

	(void)umask(022); /* other users look at it too */
	check(tree && mkdtemp(tree), "mkdtemp");
	return tree;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void tree_free(char *tree) {
	if (tree)
		check(nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, tree);
	free(tree);
}

char *tree_path(const char *tree, const char *path) {
	char *full = NULL;

	check(asprintf(&full, "%s/%s", tree, path) >= 0, "asprintf");
	return full;
}

void tree_write(const char *tree, const char *path, const void *data, size_t len) {
	char *full = tree_path(tree, path);
	int fd;

	for (char *p = full + strlen(tree) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0755);
		*p = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	check(fd >= 0, full);
	check(write_all(fd, data, len) == 0 && close(fd) == 0, full);
	free(full);
}

void tree_write_text(const char *tree, const char *path, const char *text) {
	tree_write(tree, path, text, strlen(text));
}

char *tree_read(const char *tree, const char *path) {
	char *full = tree_path(tree, path), *text = NULL;

	(void)read_file(full, 1 << 20, &text, NULL);
	free(full);
	return text;
}
