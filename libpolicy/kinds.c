/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a row of the table allows, in words: the second half of every complaint, and of `explain`. */
#include <inttypes.h>
#include <stdio.h>

#include "libpolicy/fields.h"

static void names_text(const struct enum_name *names, char *buf, size_t size) {
	size_t used = 0;

	buf[0] = '\0';
	for (; names->name && used < size; names++) {
		int n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", names->name);

		used += n > 0 ? (size_t)n : 0;
	}
}

static void size_text(const struct field *f, char *buf, size_t size) {
	char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

	if (f->kind == KIND_LIMIT_SIZE)
		snprintf(buf, size, "a size such as 64K, 150M, 2G, or unlimited");
	else
		snprintf(buf, size, "a size from %s to %s, such as 64K, 150M, 2G",
			format_size((uint64_t)f->min, min), format_size((uint64_t)f->max, max));
}

static void duration_text(const struct field *f, char *buf, size_t size) {
	char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

	snprintf(buf, size, "a duration from %s to %s, such as 500ms, 2s, 1min",
		format_duration((uint64_t)f->min, min), format_duration((uint64_t)f->max, max));
}

static void number_text(const struct field *f, char *buf, size_t size) {
	const char *or_unlimited = f->kind == KIND_FAULTS || f->kind == KIND_LIMIT_COUNT
		? ", or unlimited"
		: "";

	if (f->max >= INT64_C(1) << 62)
		snprintf(buf, size, "an integer from %" PRId64 "%s", f->min, or_unlimited);
	else
		snprintf(buf, size, "an integer from %" PRId64 " to %" PRId64 "%s", f->min, f->max,
			or_unlimited);
}

static const char *const fixed_texts[KIND_MAX] = {
	[KIND_MAPPING] = "a mapping",
	[KIND_VERSION] = "1",
	[KIND_CPUS] = "CPUs below 1024, such as 2 or 2-3,6",
	[KIND_CAPABILITIES] = "a sequence of capabilities, such as [ipc_lock, sys_nice]",
	[KIND_PATH] = "an absolute path",
	[KIND_IDENTITY] = "a name of letters, digits, \"_\", \".\", \"-\", or a number",
	[KIND_IDENTITIES] = "a sequence of names or numbers",
	[KIND_ARGUMENTS] = "a sequence of texts, [PROGRAM, ARGUMENT ...]",
	[KIND_FILES] = "a sequence of absolute paths, each perhaps with \"-\" before it",
	[KIND_PROCESS_NAMES] = "a sequence of names of processes",
	[KIND_OUTPUT] = "inherit, journal, none, or an absolute path",
	[KIND_ENVIRONMENT] = "a mapping of variables to texts",
	[KIND_INHERITS] = "the name of a profile or a sequence of such names",
	[KIND_PROCESS] = "a mapping of keys such as command and memory",
	[KIND_PROCESSES] = "a mapping of names to processes",
	[KIND_HUGEPAGES] = "a mapping of page sizes to numbers, such as { 2M: 64 }",
	[KIND_DRIFT] = "report, reapply, or a mapping of settings to these",
	[KIND_SURPLUS] = "a mapping of page sizes to numbers, such as { 2M: 16 }",
	[KIND_WISH_SIZES] = "a mapping of page sizes to words, such as { 64K: never }",
	[KIND_HUGETLBFS] = "a mapping of directories to pages, owner, group and mode",
	[KIND_FILE_PATTERNS] = "a sequence of absolute paths, in which * and ? may stand",
	[KIND_SYSCTL_NAMES] = "a sequence of dotted names, such as [net.core.rmem_max]",
	[KIND_MODE] = "three or four octal digits in quotes, such as \"0770\"",
	[KIND_WISH_NUMBERS] = "a sequence of integers",
	[KIND_SYSCTL] = "a mapping of names to values, such as { vm.swappiness: 0 }",
};

const char *field_allowed(const struct field *f, char *buf, size_t size) {
	switch (f->kind) {
	case KIND_ENUM:
	case KIND_WISH_WORD:
	case KIND_WISH_CHOICE:
		names_text(f->names, buf, size);
		break;
	case KIND_SIZE:
	case KIND_LIMIT_SIZE:
	case KIND_WISH_KIB:
		size_text(f, buf, size);
		break;
	case KIND_DURATION:
	case KIND_WISH_MSEC:
		duration_text(f, buf, size);
		break;
	case KIND_INTEGER:
	case KIND_COUNT:
	case KIND_WISH_NUMBER:
	case KIND_FAULTS:
	case KIND_LIMIT_COUNT:
		number_text(f, buf, size);
		break;
	default:
		snprintf(buf, size, "%s", fixed_texts[f->kind]);
		break;
	}
	return buf;
}
