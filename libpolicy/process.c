/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freeing walks the table of keys, so that a new key can't be forgotten here. Kinds fall into four
 * classes: one text, several texts, a limit, and bytes that can be compared and copied as they are.
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

size_t field_value_size(const struct field *f) {
	return value_sizes[f->kind];
}

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
