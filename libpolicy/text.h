/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_TEXT_H
#define RTMEM_LIBPOLICY_TEXT_H

/* The bytes of a policy: checked before YAML sees them, found again by line and column. */
#include <stdbool.h>
#include <stddef.h>

#include "libpolicy/diagnostic.h"

/** Valid UTF-8 without NUL, control characters or line ends that only YAML 1.1 takes for such? If
 *  not, says where, for each place. */
bool text_check(const char *file, const char *text, size_t length, struct diagnostics *d);

/** Length of a byte order mark at the beginning: 3 or 0. */
size_t text_bom(const char *text, size_t length);
/** Start of line number `line` (from 1), counting as YAML does; the end if there's no such line. */
const char *text_line(const char *text, size_t length, unsigned line);
/** Bytes from `line` to its end. */
size_t text_line_length(const char *line, const char *end);
/** The character at line and column, '\0' if there's none. */
char text_at(const char *text, size_t length, unsigned line, unsigned column);

#endif
