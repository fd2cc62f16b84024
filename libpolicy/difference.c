/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two policies of one process, compared by the table of keys, so that a new key can't be forgotten here.
 * A row says whether a running process can follow a change; of one limit it depends on the direction.
 */
#include "libpolicy/difference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "libpolicy/process.h"

/* ---- one value --------------------------------------------------------------------------------- */

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
		return memcmp(a + f->offset, b + f->offset, field_value_size(f)) == 0;
	}
}

static uint64_t memlock_of(const struct process_policy *p) {
	const struct limit *l = &p->limits[RLIMIT_MEMLOCK];

	return l->set ? l->value : BYTES_UNLIMITED;
}

/* Below what is locked, the next page of a stack would end the program. */
static bool can_follow(
	const struct field *f, const struct process_policy *from, const struct process_policy *to) {
	if (f->offset == offsetof(struct process_policy, limits[RLIMIT_MEMLOCK]))
		return to->memory.lock == LOCK_NONE || memlock_of(to) >= memlock_of(from);
	return f->live;
}

/* ---- walking the table ------------------------------------------------------------------------- */

struct walk {
	const struct process_policy *from;
	const struct process_policy *to;
	int (*found)(const struct field *f, const char *key, bool live, void *userdata);
	void *userdata;
};

/* Ends when found() returns something else than 0, and returns that. */
static int walk(const struct walk *w, const struct field *table, const char *prefix) {
	const char *from = (const char *)w->from, *to = (const char *)w->to;

	for (const struct field *f = table; f->name; f++) {
		char key[DIFFERENCE_KEY_MAX];
		int r = 0;

		snprintf(key, sizeof(key), "%s%s%s", prefix, *prefix ? "." : "", f->name);
		if (f->kind == KIND_MAPPING)
			r = walk(w, f->keys, key);
		else if (f->kind != KIND_INHERITS && !same_value(f, from, to))
			r = w->found(f, key, can_follow(f, w->from, w->to), w->userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

static int find(const struct field *f, const char *key, bool live, void *userdata) {
	return live == *(const bool *)userdata;
}

static bool differs(
	const struct process_policy *a, const struct process_policy *b, bool live_ones) {
	const struct walk w = { a, b, find, &live_ones };

	return walk(&w, process_fields, "") != 0;
}

bool process_policy_same_launch(const struct process_policy *a, const struct process_policy *b) {
	return !differs(a, b, false);
}

bool process_policy_same_watch(const struct process_policy *a, const struct process_policy *b) {
	return !differs(a, b, true);
}

static int add(const struct field *f, const char *key, bool live, void *userdata) {
	struct policy_differences *d = userdata;
	struct policy_difference *grown = reallocarray(d->items, d->n_items + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	d->items = grown;
	grown += d->n_items++;
	*grown = (struct policy_difference){ .field = f, .live = live };
	snprintf(grown->key, sizeof(grown->key), "%s", key);
	return 0;
}

int policy_differences_copy(const struct policy_differences *d, struct policy_differences *ret) {
	*ret = (struct policy_differences){ .n_items = 0 };
	if (d->n_items == 0)
		return 0;
	ret->items = reallocarray(NULL, d->n_items, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	memcpy(ret->items, d->items, d->n_items * sizeof(*ret->items));
	ret->n_items = d->n_items;
	return 0;
}

void policy_differences_done(struct policy_differences *d) {
	free(d->items);
	*d = (struct policy_differences){ .n_items = 0 };
}

int process_policy_differences(const struct process_policy *from, const struct process_policy *to,
	struct policy_differences *ret) {
	const struct walk w = { from, to, add, ret };
	int r;

	*ret = (struct policy_differences){ .n_items = 0 };
	r = walk(&w, process_fields, "");
	if (r < 0)
		policy_differences_done(ret);
	return r;
}

size_t policy_differences_launch(const struct policy_differences *d) {
	size_t n = 0;

	for (size_t i = 0; i < d->n_items; i++)
		n += !d->items[i].live;
	return n;
}

/* ---- merging ----------------------------------------------------------------------------------- */

static size_t stored_size(const struct field *f) {
	switch (f->kind) {
	case KIND_LIMIT_SIZE:
	case KIND_LIMIT_COUNT:
		return sizeof(struct limit);
	case KIND_PROCESS_NAMES:
		return sizeof(char **);
	default:
		return field_value_size(f);
	}
}

void process_policy_merge(const struct process_policy *launched, const struct process_policy *now,
	const struct policy_differences *d, struct process_policy *ret) {
	const char *from = (const char *)now;
	char *to = (char *)ret;

	*ret = *launched;
	ret->name = now->name;
	ret->place = now->place;
	ret->after =
		now->after; /* also when it's the same: a mixture before this one had another's */
	for (size_t i = 0; i < d->n_items; i++) {
		const struct field *f = d->items[i].field;

		if (!d->items[i].live)
			continue;
		memcpy(to + f->offset, from + f->offset, stored_size(f));
		if (f->set_offset > 0)
			to[f->set_offset] = from[f->set_offset];
	}
}
