/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_PROC_TEXT_H
#define RTMEM_COMMON_PROC_TEXT_H

/* Small files of /proc and their fields. No allocation: usable before main() and in a locked process. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Reads as much as fits and terminates it. Bytes, or -errno. */
ssize_t proc_read(const char *path, char *buf, size_t size);
/** Behind KEY where it opens a line ("KEY:", "KEY "), or NULL. */
const char *proc_line(const char *text, const char *key);
/** The number there; kB is multiplied out. */
bool proc_field(const char *text, const char *key, uint64_t *ret);

#endif
