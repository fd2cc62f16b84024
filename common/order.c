/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order for libinit as text: "1 lock=strict heap=157286400 arenas=1 ...". Text, because it travels
 * as an environment variable and people set it by hand; the version comes first, and what is zero isn't
 * written. One table names the keys for both directions. Parsing is strict (unknown or repeated keys are errors) and
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
	ORDER_WORD,
	ORDER_U64,
	ORDER_U32,
	ORDER_BOOL,
	ORDER_FD,
};

struct order_field {
	const char *name;
	enum order_type type;
	size_t offset;
	const char *const *words; /* ORDER_WORD: by number, NULL ends them */
};

static const char *const lock_words[] = {
	[INIT_LOCK_NONE] = "none",
	[INIT_LOCK_STRICT] = "strict",
	[INIT_LOCK_BALANCED] = "balanced",
	[INIT_LOCK_ONFAULT] = "onfault",
	NULL,
};

static const char *const allocator_words[] = {
	[INIT_ALLOCATOR_GLIBC] = "glibc",
	[INIT_ALLOCATOR_JEMALLOC] = "jemalloc",
	[INIT_ALLOCATOR_MIMALLOC] = "mimalloc",
	NULL,
};

static const char *const fork_words[] = {
	[INIT_FORK_ALLOW] = "allow",
	[INIT_FORK_REPORT] = "report",
	[INIT_FORK_PRECOPY] = "precopy",
	[INIT_FORK_DENY] = "deny",
	NULL,
};

/* Words are stored through an unsigned: what gcc and clang make of an enum without negative values. */
_Static_assert(sizeof(enum init_lock) == sizeof(unsigned), "an enum is as wide as unsigned");

#define FIELD(key, kind, member) \
	{ key, kind, offsetof(struct init_order, member), NULL }
#define WORD(key, table, member) \
	{ key, ORDER_WORD, offsetof(struct init_order, member), table }

static const struct order_field fields[] = {
	WORD("lock", lock_words, lock),
	FIELD("heap", ORDER_U64, heap_prealloc_bytes),
	FIELD("arenas", ORDER_U32, arenas),
	WORD("allocator", allocator_words, allocator),
	FIELD("heap_page", ORDER_U64, heap_page_bytes),
	FIELD("heap_page_fallback", ORDER_BOOL, heap_page_fallback),
	FIELD("host_reserve", ORDER_U64, host_reserve_bytes),
	FIELD("main_stack", ORDER_U64, main_stack_bytes),
	FIELD("thread_stack", ORDER_U64, thread_stack_bytes),
	FIELD("stack_reserve", ORDER_U32, stack_reserve),
	FIELD("non_dumpable", ORDER_BOOL, non_dumpable),
	WORD("fork", fork_words, fork),
	FIELD("children", ORDER_BOOL, children),
	FIELD("seal", ORDER_BOOL, seal),
	FIELD("settle", ORDER_U64, settle_usec),
	FIELD(HANDOFF_REPORT_FD, ORDER_FD, report_fd),
};

static const char *word_of(const char *const *words, unsigned n) {
	for (unsigned i = 0; words[i]; i++)
		if (i == n)
			return words[i];
	return NULL;
}

const char *init_lock_to_string(enum init_lock lock) {
	return word_of(lock_words, lock);
}

const char *init_allocator_to_string(enum init_allocator allocator) {
	return word_of(allocator_words, allocator);
}

static int format_value(const struct order_field *f, const void *at, char *buf, size_t size) {
	switch (f->type) {
	case ORDER_WORD: {
		const char *name = word_of(f->words, *(const unsigned *)at);

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

/* What parsing gives anyway when the word is missing. */
static bool is_zero(const struct order_field *f, const void *at) {
	switch (f->type) {
	case ORDER_U64:
		return *(const uint64_t *)at == 0;
	case ORDER_BOOL:
		return !*(const bool *)at;
	case ORDER_FD:
		return *(const int *)at < 0;
	default:
		return *(const uint32_t *)at == 0;
	}
}

int init_order_format(const struct init_order *o, char *buf, size_t size) {
	size_t used = sizeof(ORDER_VERSION) - 1;

	if (size <= used)
		return -ENOBUFS;
	strcpy(buf, ORDER_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *at = (const char *)o + fields[i].offset;
		int n;

		if (i > 0 && is_zero(&fields[i], at))
			continue;
		n = format_value(&fields[i], at, buf + used, size - used);
		if (n < 0)
			return n;
		if ((size_t)n >= size - used)
			return -ENOBUFS;
		used += (size_t)n;
	}
	return 0;
}

static int parse_word_of(const char *const *words, const char *value, unsigned *ret) {
	for (unsigned i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0) {
			*ret = i;
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
	case ORDER_WORD:
		return parse_word_of(f->words, value, at);
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
