/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", 1ull << 10 },
	{ "KiB", 1ull << 10 },
	{ "M", 1ull << 20 },
	{ "MiB", 1ull << 20 },
	{ "G", 1ull << 30 },
	{ "GiB", 1ull << 30 },
	{ "T", 1ull << 40 },
	{ "TiB", 1ull << 40 },
	{ NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "us", 1 },
	{ "ms", 1000 },
	{ "s", 1000000 },
	{ "min", 60000000 },
	{ "h", 3600000000ull },
	{ NULL, 0 },
};

/* Digits at the start of text; *end is the first character after them. */
static int parse_digits(const char *text, uint64_t *ret, const char **end) {
	uint64_t value = 0;
	const char *p = text;

	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	if (p == text)
		return -EINVAL;
	*ret = value;
	*end = p;
	return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, uint64_t *ret) {
	const char *rest;
	uint64_t value;
	int r = parse_digits(text, &value, &rest);

	if (r < 0)
		return r;
	for (const struct unit *u = units; u->name; u++)
		if (strcmp(rest, u->name) == 0) {
			if (__builtin_mul_overflow(value, u->factor, &value))
				return -ERANGE;
			*ret = value;
			return 0;
		}
	return -EINVAL;
}

int parse_size(const char *text, uint64_t *ret_bytes) {
	return parse_with_unit(text, size_units, ret_bytes);
}

int parse_duration(const char *text, uint64_t *ret_usec) {
	if (strcmp(text, "0") == 0) {
		*ret_usec = 0;
		return 0;
	}
	return parse_with_unit(text, duration_units, ret_usec);
}

int parse_u64(const char *text, uint64_t *ret) {
	const char *end;
	uint64_t value;
	int r = parse_digits(text, &value, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int parse_i64(const char *text, int64_t *ret) {
	bool negative = *text == '-';
	uint64_t value;
	int r = parse_u64(text + negative, &value);

	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX)
		return -ERANGE;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return 0;
}

static int set_cpu_range(uint64_t cpus[static CPU_LIST_WORDS], uint64_t first, uint64_t last) {
	if (last < first)
		return -EINVAL;
	if (last >= CPU_LIST_MAX)
		return -ERANGE;
	for (uint64_t cpu = first; cpu <= last; cpu++)
		cpus[cpu / 64] |= 1ull << (cpu % 64);
	return 0;
}

int parse_cpu_list(const char *text, uint64_t ret_cpus[static CPU_LIST_WORDS]) {
	uint64_t cpus[CPU_LIST_WORDS] = { 0 };
	const char *p = text;

	for (;;) {
		uint64_t first, last;
		int r = parse_digits(p, &first, &p);

		if (r < 0)
			return r;
		last = first;
		if (*p == '-') {
			r = parse_digits(p + 1, &last, &p);
			if (r < 0)
				return r;
		}
		r = set_cpu_range(cpus, first, last);
		if (r < 0)
			return r;
		if (!*p)
			break;
		if (*p++ != ',')
			return -EINVAL;
	}
	memcpy(ret_cpus, cpus, sizeof(cpus));
	return 0;
}

/* The largest unit of one or more letters that divides value. */
static const char *format_with_unit(
	uint64_t value, const char *const names[], const uint64_t factors[], int n, char *buf) {
	for (int i = n - 1; i >= 0; i--)
		if (value % factors[i] == 0 && (value >= factors[i] || i == 0)) {
			snprintf(
				buf, UNITS_TEXT_MAX, "%" PRIu64 "%s", value / factors[i], names[i]);
			break;
		}
	return buf;
}

const char *format_size(uint64_t bytes, char buf[static UNITS_TEXT_MAX]) {
	static const char *const names[] = { "", "K", "M", "G", "T" };
	static const uint64_t factors[] = { 1, 1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40 };

	if (bytes == BYTES_UNLIMITED)
		return "unlimited";
	return format_with_unit(bytes, names, factors, 5, buf);
}

const char *format_size_rounded(uint64_t bytes, char buf[static UNITS_TEXT_MAX]) {
	static const char suffixes[] = "KMGT";
	double value = (double)bytes;
	int i = -1;

	if (bytes == BYTES_UNLIMITED)
		return "unlimited";
	while (value >= 1024 && i < 3) {
		value /= 1024;
		i++;
	}
	if (i < 0)
		snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64, bytes);
	else
		snprintf(buf, UNITS_TEXT_MAX, value < 99.95 ? "%.1f%c" : "%.0f%c", value,
			suffixes[i]);
	return buf;
}

const char *format_duration(uint64_t usec, char buf[static UNITS_TEXT_MAX]) {
	static const char *const names[] = { "us", "ms", "s", "min", "h" };
	static const uint64_t factors[] = { 1, 1000, 1000000, 60000000, 3600000000ull };

	if (usec == USEC_INFINITY)
		return "infinity";
	if (usec == 0)
		return "0";
	return format_with_unit(usec, names, factors, 5, buf);
}

const char *format_cpu_list(
	const uint64_t cpus[static CPU_LIST_WORDS], char buf[static CPU_LIST_TEXT_MAX]) {
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned cpu = 0; cpu < CPU_LIST_MAX; cpu++) {
		unsigned last = cpu;
		int n;

		if (!(cpus[cpu / 64] >> (cpu % 64) & 1))
			continue;
		while (last + 1 < CPU_LIST_MAX && (cpus[(last + 1) / 64] >> ((last + 1) % 64) & 1))
			last++;
		n = snprintf(buf + used, CPU_LIST_TEXT_MAX - used, last > cpu ? "%s%u-%u" : "%s%u",
			used ? "," : "", cpu, last);
		if (n < 0 || (size_t)n >= CPU_LIST_TEXT_MAX - used)
			break;
		used += (size_t)n;
		cpu = last;
	}
	return buf;
}
