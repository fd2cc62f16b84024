/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_UNITS_H
#define RTMEM_COMMON_UNITS_H

/*
 * Text <-> numbers with units. Sizes are IEC ("64K", "150M", "2G", also "64KiB"), durations carry a
 * unit always ("500ms", "2s", "1min"). Everything here is pure: no locale, no allocation.
 * Parsers return 0, -EINVAL (not a number, missing or unknown unit) or -ERANGE (overflow).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_MAX	  32
#define USEC_INFINITY	  UINT64_MAX
#define BYTES_UNLIMITED	  UINT64_MAX
#define CPU_LIST_MAX	  1024 /* CPUs that a list can name; the size of glibc's cpu_set_t */
#define CPU_LIST_WORDS	  (CPU_LIST_MAX / 64)
#define CPU_LIST_TEXT_MAX 1024

/** "4096", "64K", "64KiB", "1T" -> bytes. "unlimited" is not a size. */
int parse_size(const char *text, uint64_t *ret_bytes);

/** "500ms", "2s", "1min", "1h", "250us" -> microseconds. A bare number other than 0 is -EINVAL. */
int parse_duration(const char *text, uint64_t *ret_usec);

/** Decimal integers, whole text, no sign for the unsigned one. */
int parse_u64(const char *text, uint64_t *ret);
int parse_i64(const char *text, int64_t *ret);

/** "0-3,6" -> bit set; -EINVAL for empty, reversed or malformed, -ERANGE for a CPU >= CPU_LIST_MAX. */
int parse_cpu_list(const char *text, uint64_t ret_cpus[static CPU_LIST_WORDS]);

/** Shortest exact text: 157286400 -> "150M", 1000 -> "1000", BYTES_UNLIMITED -> "unlimited". */
const char *format_size(uint64_t bytes, char buf[static UNITS_TEXT_MAX]);

/** For people: at most one decimal, "18.4M"; never exact. */
const char *format_size_rounded(uint64_t bytes, char buf[static UNITS_TEXT_MAX]);

/** Shortest exact text: 60000000 -> "1min", 1500000 -> "1500ms", USEC_INFINITY -> "infinity". */
const char *format_duration(uint64_t usec, char buf[static UNITS_TEXT_MAX]);

/** bit set -> "0-3,6" */
const char *format_cpu_list(
	const uint64_t cpus[static CPU_LIST_WORDS], char buf[static CPU_LIST_TEXT_MAX]);

#endif
