/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of `host:` that stand for one setting: what's written is turned into what the kernel reads. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/host-keys.h"
#include "libpolicy/names.h"
#include "libpolicy/process.h"
#include "libpolicy/wish.h"

void add_wish(struct reader *r, struct file_policy *file, const struct place *place,
	const char *setting, const char *wanted) {
	size_t before = file->n_wishes;

	if (wish_append(&file->wishes, &file->n_wishes, setting, wanted, place) < 0)
		r->error = -ENOMEM;
	for (size_t i = 0; i < before; i++)
		if (strcmp(file->wishes[i].setting, setting) == 0) {
			diagnostics_add(r->diagnostics, place, DIAG_DUPLICATE_KEY,
				"%s is written twice; allowed: once (first in line %u)", setting,
				file->wishes[i].place.line);
			return;
		}
}

static void wish_number(
	struct reader *r, const struct field *f, const struct node *n, void *base, int64_t number) {
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "%" PRId64, number);
	add_wish(r, base, &n->place, f->setting, wanted);
}

/* The word that stands there, if the row has it. */
static const struct enum_name *check_word(
	struct reader *r, const struct field *f, const struct node *n) {
	const struct enum_name *found;
	char allowed[FIELD_ALLOWED_MAX];

	if (!check_scalar(r, n, field_allowed(f, allowed, sizeof(allowed))))
		return NULL;
	found = enum_find(f->names, n->text);
	if (!found)
		reject_value(r, f, n, DIAG_BAD_VALUE);
	return found;
}

void read_wish_word(struct reader *r, const struct field *f, const struct node *n, void *base) {
	if (check_word(r, f, n))
		add_wish(r, base, &n->place, f->setting, n->text);
}

#define THP_MIN_BYTES (8ull << 10)
#define THP_MAX_BYTES (1ull << 30)

static void read_size_word(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	char text[QUOTE_MAX], size[UNITS_TEXT_MAX], setting[64];
	struct field word = *f;
	uint64_t bytes = 0;

	word.kind = KIND_WISH_WORD;
	if (parse_size(e->key->text, &bytes) < 0 || bytes < THP_MIN_BYTES ||
		bytes > THP_MAX_BYTES || (bytes & (bytes - 1)) != 0) {
		diagnostics_add(r->diagnostics, &e->key->place, DIAG_HUGEPAGE_SIZE,
			"%s isn't a size of transparent huge pages; allowed: powers of two from 8K "
			"to 1G, such as 64K, 2M",
			quote(e->key->text, text));
		return;
	}
	if (e->value->kind == NODE_REFUSED || !check_word(r, &word, e->value))
		return;
	snprintf(setting, sizeof(setting), "%.40s.%.20s", f->setting, format_size(bytes, size));
	add_wish(r, base, &e->key->place, setting, e->value->text);
}

void read_wish_sizes(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_size_word);
}

void read_wish_choice(struct reader *r, const struct field *f, const struct node *n, void *base) {
	const struct enum_name *word = check_word(r, f, n);

	if (word)
		wish_number(r, f, n, base, word->value);
}

void read_wish_number(struct reader *r, const struct field *f, const struct node *n, void *base) {
	int64_t number;

	if (check_field_number(r, f, n, &number))
		wish_number(r, f, n, base, number);
}

/* Sizes and durations are read as anywhere else, and counted in the kernel's unit. */
static void wish_quantity(struct reader *r, const struct field *f, const struct node *n, void *base,
	value_reader read, uint64_t unit) {
	struct field quantity = *f;
	uint64_t value = UINT64_MAX;

	quantity.offset = 0;
	read(r, &quantity, n, &value);
	if (value != UINT64_MAX)
		wish_number(r, f, n, base, (int64_t)(value / unit));
}

void read_wish_kib(struct reader *r, const struct field *f, const struct node *n, void *base) {
	wish_quantity(r, f, n, base, read_size, 1024);
}

void read_wish_msec(struct reader *r, const struct field *f, const struct node *n, void *base) {
	wish_quantity(r, f, n, base, read_duration, 1000);
}

struct number_list {
	char text[256];
	bool good;
};

static void read_list_item(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	struct number_list *list = base;
	size_t used = strlen(list->text);
	int64_t number;

	if (check_number(r, e->value, 0, INT32_MAX, "an integer from 0 to 2147483647", &number))
		snprintf(list->text + used, sizeof(list->text) - used, "%s%" PRId64,
			used ? " " : "", number);
	else
		list->good = false;
}

void read_wish_numbers(struct reader *r, const struct field *f, const struct node *n, void *base) {
	struct number_list list = { .good = true };

	if (read_items(r, f, n, &list, read_list_item) && list.good)
		add_wish(r, base, &n->place, f->setting, list.text);
}

/* ---- mounts ------------------------------------------------------------------------------------ */

void read_mode(struct reader *r, const struct field *f, const struct node *n, void *base) {
	char allowed[FIELD_ALLOWED_MAX];

	if (!check_text(r, n, field_allowed(f, allowed, sizeof(allowed))))
		return;
	if (!mode_is_valid(n->text)) {
		reject_value(r, f, n, DIAG_BAD_VALUE);
		return;
	}
	*(uint32_t *)member(f, base) = (uint32_t)strtoul(n->text, NULL, 8);
	mark_set(f, base);
}

static void hugetlbfs_done(struct hugetlbfs_policy *p) {
	free(p->owner);
	free(p->group);
}

static void read_mount(struct reader *r, const struct field *f, const struct entry *e, void *base) {
	CLEANUP(hugetlbfs_done) struct hugetlbfs_policy p = { .mode = 0755 };
	char setting[600], wanted[160], size[UNITS_TEXT_MAX], text[QUOTE_MAX];

	if (!mount_path_is_valid(e->key->text)) {
		diagnostics_add(r->diagnostics, &e->key->place, DIAG_NOT_ABSOLUTE,
			"%s isn't a directory to mount on; allowed: an absolute path of letters, "
			"digits and \"_.@-\", without a part that begins with a dot",
			quote(e->key->text, text));
		return;
	}
	if (e->value->kind == NODE_REFUSED)
		return;
	if (e->value->kind != NODE_MAPPING) {
		reject(r, e->value, DIAG_WRONG_TYPE, "a mapping of pages, owner, group and mode");
		return;
	}
	read_defaults(r, f->keys, &p);
	read_mapping(r, f->keys, e->value, &p);
	if (!p.owner || !p.group)
		return;
	snprintf(setting, sizeof(setting), "%s.%s", f->setting, e->key->text);
	snprintf(wanted, sizeof(wanted), "%s %s:%s %04o", format_size(p.page_bytes, size), p.owner,
		p.group, p.mode);
	add_wish(r, base, &e->key->place, setting, wanted);
}

void read_hugetlbfs(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_mount);
}
