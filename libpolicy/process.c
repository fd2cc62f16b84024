/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freeing and comparing walk the table of keys, so that a new key can't be forgotten here. Kinds fall
 * into four classes: one text, several texts, a limit, and bytes that can be compared as they are.
 */
#include "libpolicy/process.h"

#include <stdlib.h>
#include <string.h>

#include "libpolicy/fields.h"

static const size_t value_sizes[KIND_MAX] = {
	[KIND_INTEGER] = sizeof(int),
	[KIND_COUNT] = sizeof(uint32_t),
	[KIND_ENUM] = sizeof(int),
	[KIND_SIZE] = sizeof(uint64_t),
	[KIND_DURATION] = sizeof(uint64_t),
	[KIND_FAULTS] = sizeof(uint64_t),
	[KIND_CPUS] = sizeof(uint64_t[CPU_LIST_WORDS]),
	[KIND_CAPABILITIES] = sizeof(uint64_t),
	[KIND_MODE] = sizeof(uint32_t),
};

void process_init(struct process_policy *p) {
	*p = (struct process_policy){ .scheduling.policy = -1 };
}

static void clear(const struct field *table, char *base) {
	for (const struct field *f = table; f->name; f++)
		switch (f->kind) {
		case KIND_MAPPING:
			clear(f->keys, base);
			break;
		case KIND_PATH:
		case KIND_OUTPUT:
		case KIND_IDENTITY:
			free(*(char **)(base + f->offset));
			break;
		case KIND_IDENTITIES:
		case KIND_ARGUMENTS:
		case KIND_FILES:
		case KIND_PROCESS_NAMES:
		case KIND_ENVIRONMENT:
			strv_free(*(char ***)(base + f->offset));
			break;
		default:
			break;
		}
}

void process_done(struct process_policy *p) {
	free(p->name);
	clear(process_fields, (char *)p);
	process_init(p);
}

static bool same_text(const char *a, const char *b) {
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_texts(char *const *a, char *const *b) {
	size_t n = strv_length(a);

	if (!a != !b || n != strv_length(b))
		return false;
	for (size_t i = 0; a && b && i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool same_limit(const struct limit *a, const struct limit *b) {
	return a->set == b->set && a->value == b->value;
}

static bool same_value(const struct field *f, const char *a, const char *b) {
	switch (f->kind) {
	case KIND_PATH:
	case KIND_OUTPUT:
	case KIND_IDENTITY:
		return same_text(*(char *const *)(a + f->offset), *(char *const *)(b + f->offset));
	case KIND_IDENTITIES:
	case KIND_ARGUMENTS:
	case KIND_FILES:
	case KIND_PROCESS_NAMES:
	case KIND_ENVIRONMENT:
		return same_texts(
			*(char **const *)(a + f->offset), *(char **const *)(b + f->offset));
	case KIND_LIMIT_SIZE:
	case KIND_LIMIT_COUNT:
		return same_limit((const struct limit *)(a + f->offset),
			(const struct limit *)(b + f->offset));
	default:
		if (f->set_offset > 0 && a[f->set_offset] != b[f->set_offset])
			return false;
		return memcmp(a + f->offset, b + f->offset, value_sizes[f->kind]) == 0;
	}
}

/* Of the two halves of the table, what changes live and what needs a launch, one is compared. */
static bool same(const struct field *table, bool live, const char *a, const char *b) {
	for (const struct field *f = table; f->name; f++) {
		bool equal = f->kind == KIND_MAPPING ? same(f->keys, live, a, b)
						     : f->live != live || same_value(f, a, b);

		if (!equal)
			return false;
	}
	return true;
}

bool process_policy_same_launch(const struct process_policy *a, const struct process_policy *b) {
	return same(process_fields, false, (const char *)a, (const char *)b);
}

bool process_policy_same_watch(const struct process_policy *a, const struct process_policy *b) {
	return same(process_fields, true, (const char *)a, (const char *)b);
}
