/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_IO_H
#define RTMEM_COMMON_IO_H

/* Small files and whole writes; every function returns 0 or a negative errno. */
#include <stddef.h>
#include <sys/types.h>

/** Reads a whole file of at most max bytes, NUL-terminated. -EFBIG if it's larger. */
int read_file(const char *path, size_t max, char **ret_text, size_t *ret_len);
int read_file_fd(int fd, size_t max, char **ret_text, size_t *ret_len);
/** The first line of a small file (/proc, /sys) without its newline, into buf. */
int read_line_file(const char *path, char *buf, size_t size);
/** One write(2) of text to an existing file (/proc, /sys); a short write is -EIO. */
int write_line_file(const char *path, const char *text);
/** Replaces path by text: temporary file in the same directory, rename. Readers, and whoever comes after a
 *  crash of this program, find the old or the new text; nothing is written out to disk for that. */
int write_file_atomic(const char *path, const char *text, mode_t mode);
/** Writes all of buf, retrying on EINTR and short writes. */
int write_all(int fd, const void *buf, size_t len);

#endif
