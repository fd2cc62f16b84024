/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_UTF8_H
#define RTMEM_LIBPOLICY_UTF8_H

/* As much of UTF-8 as a caret under a line of text needs; no locale, no tables of libc. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Decodes one character of at most `len` bytes; its length in bytes, 0 if it isn't UTF-8 (overlong,
 *  surrogate, cut off). */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret_code);
/** Columns of a terminal that a character takes: 0 (combining), 1 or 2 (wide). */
unsigned utf8_width(uint32_t code);
/** Characters that have no place in a policy, nor on a terminal: controls (tab and line ends as well),
 *  line ends that only some programs take for such, and those that make text read backwards. */
bool utf8_is_control(uint32_t code);

#endif
