/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order for libinit as text: "1 lock=strict heap=157286400 arenas=1 ...". Text, because it travels
 * as an environment variable and people set it by hand; the version comes first. One table names the
 * keys for both directions. Parsing is strict (unknown, missing or repeated keys are errors) and
 * allocates nothing: it runs inside other programs before their main().
 */
#include "common/handoff.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

#define ORDER_VERSION  "1"
#define ORDER_WORD_MAX 64 /* longest "key=value" */

enum order_type {
	ORDER_LOCK,
	ORDER_U64,
	ORDER_U32,
	ORDER_BOOL,
	ORDER_FD,
};

struct order_field {
	const char *name;
	enum order_type type;
	size_t offset;
};

#define FIELD(key, kind, member) \
	{ key, kind, offsetof(struct init_order, member) }

static const struct order_field fields[] = {
	FIELD("lock", ORDER_LOCK, lock),
	FIELD("heap", ORDER_U64, heap_prealloc_bytes),
	FIELD("arenas", ORDER_U32, arenas),
	FIELD("main_stack", ORDER_U64, main_stack_bytes),
	FIELD("thread_stack", ORDER_U64, thread_stack_bytes),
	FIELD("non_dumpable", ORDER_BOOL, non_dumpable),
	FIELD("settle", ORDER_U64, settle_usec),
	FIELD(HANDOFF_REPORT_FD, ORDER_FD, report_fd),
};

static const char *const lock_names[] = {
	[INIT_LOCK_NONE] = "none",
	[INIT_LOCK_STRICT] = "strict",
	[INIT_LOCK_BALANCED] = "balanced",
	[INIT_LOCK_ONFAULT] = "onfault",
};

const char *init_lock_to_string(enum init_lock lock) {
	return (unsigned)lock < ARRAY_LEN(lock_names) ? lock_names[lock] : NULL;
}

static int format_value(const struct order_field *f, const void *at, char *buf, size_t size) {
	switch (f->type) {
	case ORDER_LOCK: {
		const char *name = init_lock_to_string(*(const enum init_lock *)at);

		return name ? snprintf(buf, size, " %s=%s", f->name, name) : -EINVAL;
	}
	case ORDER_U64:
		return snprintf(buf, size, " %s=%" PRIu64, f->name, *(const uint64_t *)at);
	case ORDER_U32:
		return snprintf(buf, size, " %s=%" PRIu32, f->name, *(const uint32_t *)at);
	case ORDER_BOOL:
		return snprintf(buf, size, " %s=%d", f->name, *(const bool *)at);
	case ORDER_FD:
		return snprintf(buf, size, " %s=%d", f->name, *(const int *)at);
	}
	return -EINVAL;
}

int init_order_format(const struct init_order *o, char *buf, size_t size) {
	size_t used = sizeof(ORDER_VERSION) - 1;

	if (size <= used)
		return -ENOBUFS;
	strcpy(buf, ORDER_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *at = (const char *)o + fields[i].offset;
		int n = format_value(&fields[i], at, buf + used, size - used);

		if (n < 0)
			return n;
		if ((size_t)n >= size - used)
			return -ENOBUFS;
		used += (size_t)n;
	}
	return 0;
}

static int parse_lock(const char *value, enum init_lock *ret) {
	for (size_t i = 0; i < ARRAY_LEN(lock_names); i++)
		if (strcmp(value, lock_names[i]) == 0) {
			*ret = (enum init_lock)i;
			return 0;
		}
	return -EINVAL;
}

static int parse_fd(const char *value, int *ret) {
	int64_t n;

	if (parse_i64(value, &n) < 0 || n < -1 || n > INT_MAX)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

static int parse_value(const struct order_field *f, const char *value, void *at) {
	uint64_t n;

	switch (f->type) {
	case ORDER_LOCK:
		return parse_lock(value, at);
	case ORDER_FD:
		return parse_fd(value, at);
	case ORDER_U64:
		return parse_u64(value, at) < 0 ? -EINVAL : 0;
	case ORDER_U32:
		if (parse_u64(value, &n) < 0 || n > UINT32_MAX)
			return -EINVAL;
		*(uint32_t *)at = (uint32_t)n;
		return 0;
	case ORDER_BOOL:
		if (parse_u64(value, &n) < 0 || n > 1)
			return -EINVAL;
		*(bool *)at = n == 1;
		return 0;
	}
	return -EINVAL;
}

/* One "key=value"; seen has a bit per row of the table. */
static int parse_word(char *word, struct init_order *o, unsigned *seen) {
	char *equals = strchr(word, '=');

	if (!equals)
		return -EINVAL;
	*equals = '\0';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (strcmp(word, fields[i].name) != 0)
			continue;
		if (*seen & 1u << i)
			return -EINVAL;
		*seen |= 1u << i;
		return parse_value(&fields[i], equals + 1, (char *)o + fields[i].offset);
	}
	return -EINVAL;
}

int init_order_parse(const char *text, struct init_order *ret) {
	struct init_order o = { .report_fd = -1 };
	const char *p = text + strspn(text, "0123456789");
	size_t version_len = (size_t)(p - text);
	unsigned seen = 0;

	if (version_len == 0)
		return -EINVAL;
	if (version_len != strlen(ORDER_VERSION) || strncmp(text, ORDER_VERSION, version_len) != 0)
		return -EPROTONOSUPPORT;
	while (*p) {
		char word[ORDER_WORD_MAX];
		size_t len;

		if (*p++ != ' ')
			return -EINVAL;
		len = strcspn(p, " ");
		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, p, len);
		word[len] = '\0';
		p += len;
		if (parse_word(word, &o, &seen) < 0)
			return -EINVAL;
	}
	if (!(seen & 1u)) /* an order without lock= says nothing */
		return -EINVAL;
	*ret = o;
	return 0;
}
