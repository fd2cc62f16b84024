/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Differences for people: which keys, and what each was and is. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/capability.h"
#include "libpolicy/difference.h"
#include "libpolicy/process.h"

const char *policy_differences_text(
	const struct policy_differences *d, bool only_launch, char *buf, size_t size) {
	static const char cut[] = " ...";
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < d->n_items; i++) {
		int n;

		if (only_launch && d->items[i].live)
			continue;
		n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", d->items[i].key);
		if (n < 0 || (size_t)n >= size - used) {
			size_t at = used + sizeof(cut) <= size ? used : size - sizeof(cut);

			memcpy(buf + at, cut, sizeof(cut));
			break;
		}
		used += (size_t)n;
	}
	return buf;
}

static void join(char *const *texts, char *buf, size_t size) {
	size_t used = 0;

	STRV_FOREACH (text, texts) {
		int n = snprintf(buf + used, size - used, "%s%s", used ? " " : "", *text);

		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
	}
}

static void number_text(const struct field *f, const void *value, char *buf, size_t size) {
	uint64_t large = 0;

	if (field_value_size(f) == sizeof(uint64_t))
		memcpy(&large, value, sizeof(large));
	if (f->kind == KIND_INTEGER)
		snprintf(buf, size, "%d", *(const int *)value);
	else if (f->kind == KIND_MODE)
		snprintf(buf, size, "%04" PRIo32, *(const uint32_t *)value);
	else if (f->kind == KIND_COUNT)
		snprintf(buf, size, "%" PRIu32, *(const uint32_t *)value);
	else if (large == BYTES_UNLIMITED)
		snprintf(buf, size, "unlimited");
	else
		snprintf(buf, size, "%" PRIu64, large);
}

static void limit_text(const struct field *f, const struct limit *l, char *buf, size_t size) {
	char text[UNITS_TEXT_MAX];

	if (!l->set)
		return;
	if (f->kind == KIND_LIMIT_SIZE || l->value == BYTES_UNLIMITED)
		snprintf(buf, size, "%s", format_size(l->value, text));
	else
		snprintf(buf, size, "%" PRIu64, l->value);
}

static void unit_text(const struct field *f, const void *value, char *buf, size_t size) {
	char text[CPU_LIST_TEXT_MAX > CAPABILITY_LIST_TEXT_MAX ? CPU_LIST_TEXT_MAX
							       : CAPABILITY_LIST_TEXT_MAX];
	const char *said = text; /* what has a word of its own isn't in the buffer */

	if (f->kind == KIND_SIZE)
		said = format_size(*(const uint64_t *)value, text);
	else if (f->kind == KIND_DURATION)
		said = format_duration(*(const uint64_t *)value, text);
	else if (f->kind == KIND_CPUS)
		said = format_cpu_list(value, text);
	else
		said = capabilities_format(*(const uint64_t *)value, text);
	snprintf(buf, size, "%s", said);
}

static bool is_set(const struct field *f, const struct process_policy *p) {
	return f->set_offset == 0 || ((const char *)p)[f->set_offset];
}

const char *policy_value_text(
	const struct field *f, const struct process_policy *p, char *buf, size_t size) {
	const void *value = (const char *)p + f->offset;
	const char *text = NULL;

	buf[0] = '\0';
	if (!is_set(f, p))
		return buf;
	switch (f->kind) {
	case KIND_ENVIRONMENT:
		break;
	case KIND_ENUM:
		text = enum_to_string(f->names, *(const int *)value);
		break;
	case KIND_PATH:
	case KIND_OUTPUT:
	case KIND_IDENTITY:
		text = *(char *const *)value;
		break;
	case KIND_IDENTITIES:
	case KIND_ARGUMENTS:
	case KIND_FILES:
	case KIND_PROCESS_NAMES:
		join(*(char **const *)value, buf, size);
		break;
	case KIND_LIMIT_SIZE:
	case KIND_LIMIT_COUNT:
		limit_text(f, value, buf, size);
		break;
	case KIND_SIZE:
	case KIND_DURATION:
	case KIND_CPUS:
	case KIND_CAPABILITIES:
		unit_text(f, value, buf, size);
		break;
	default:
		number_text(f, value, buf, size);
		break;
	}
	if (text)
		snprintf(buf, size, "%s", text);
	return buf;
}
