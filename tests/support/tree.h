/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_SUPPORT_TREE_H
#define RTMEM_TESTS_SUPPORT_TREE_H

/* A directory of the test's own, with files in it; every failure ends the test. */
#include <stddef.h>

/** Makes a fresh directory; the text belongs to the caller (free). */
char *tree_new(void);
/** Removes it with all that is in it, and frees the text. */
void tree_free(char *tree);
/** Writes TREE/PATH, and makes the directories above it. */
void tree_write(const char *tree, const char *path, const void *data, size_t len);
void tree_write_text(const char *tree, const char *path, const char *text);
/** Content of TREE/PATH, malloc'ed; NULL when it isn't there. */
char *tree_read(const char *tree, const char *path);
/** TREE/PATH, malloc'ed. */
char *tree_path(const char *tree, const char *path);

#endif
