/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_READER_H
#define RTMEM_LIBPOLICY_READER_H

/*
 * node x row of the table -> member of a struct. Reading a mapping sets the keys that it mentions and
 * leaves the others alone, so that inheritance is nothing but reading several nodes, weakest first,
 * into one struct. A value that's wrong is complained about and left out.
 */
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/document.h"
#include "libpolicy/fields.h"

/* Where the reader is, for messages; lives on the stack. */
struct path {
	const struct path *up;
	const char *name; /* NULL: item number `index` of a sequence */
	size_t index;
	bool hidden; /* not shown before the names below it: "processes.camera" */
};

#define PATH_TEXT_MAX 256

struct reader {
	struct diagnostics
		*diagnostics; /* NULL: read in silence what was complained about before */
	const struct path *path;
	int error; /* -ENOMEM once it happened */
};

/** Sets every key with a default, in this table and those below it. */
void read_defaults(struct reader *r, const struct field *table, void *base);
void read_mapping(struct reader *r, const struct field *table, const struct node *n, void *base);
void read_value(struct reader *r, const struct field *f, const struct node *n, void *base);

/* ---- for the readers of single kinds ----------------------------------------------------------- */

typedef void (*value_reader)(
	struct reader *r, const struct field *f, const struct node *n, void *base);

/* values.c */
void read_version(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_integer(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_count(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_enum(struct reader *r, const struct field *f, const struct node *n, void *base);
/* quantities.c */
void read_size(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_duration(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_faults(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_limit_size(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_limit_count(struct reader *r, const struct field *f, const struct node *n, void *base);
/* values.c again */
void read_cpus(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_path(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_identity(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_output(struct reader *r, const struct field *f, const struct node *n, void *base);
/* collections.c */
void read_files(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_process_names(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_capabilities(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_identities(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_arguments(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_environment(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_inherits(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_process(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_processes(struct reader *r, const struct field *f, const struct node *n, void *base);
/* host-keys.c */
void read_hugepages(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_surplus(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_drift(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_sysctl(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_file_patterns(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_sysctl_names(struct reader *r, const struct field *f, const struct node *n, void *base);
/* wish-keys.c */
void read_wish_word(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_choice(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_sizes(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_number(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_numbers(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_kib(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_wish_msec(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_hugetlbfs(struct reader *r, const struct field *f, const struct node *n, void *base);
void read_mode(struct reader *r, const struct field *f, const struct node *n, void *base);

/** "memory.heap.prealloc" or "command[2]" of where the reader is. */
const char *path_text(const struct path *p, char buf[static PATH_TEXT_MAX]);
/** "PATH can't be VALUE; allowed: ALLOWED" at the node. */
void reject(struct reader *r, const struct node *n, enum diagnostic_id id, const char *allowed);
/** The same with what the row allows. */
void reject_value(
	struct reader *r, const struct field *f, const struct node *n, enum diagnostic_id id);
/** A scalar that isn't NULL, without NULs in it? If not, says so. */
bool check_scalar(struct reader *r, const struct node *n, const char *allowed);
/** Text: quoted, or plain and not to be taken for a number, true, false or nothing. */
bool check_text(struct reader *r, const struct node *n, const char *allowed);
/** Text or a number: the name or number of a user or group. */
bool check_identity(struct reader *r, const struct node *n, const char *allowed);
/** The decimal number that stands there, between min and max. */
bool check_number(struct reader *r, const struct node *n, int64_t min, int64_t max,
	const char *allowed, int64_t *ret);

/** The same with what the row allows. */
bool check_field_number(
	struct reader *r, const struct field *f, const struct node *n, int64_t *ret);
bool check_field_scalar(struct reader *r, const struct field *f, const struct node *n);

static inline void *member(const struct field *f, void *base) {
	return (char *)base + f->offset;
}

static inline void mark_set(const struct field *f, void *base) {
	if (f->set_offset > 0)
		*(bool *)((char *)base + f->set_offset) = true;
}

typedef void (*entry_reader)(
	struct reader *r, const struct field *f, const struct entry *e, void *base);
/** Calls `each` for the entries of a mapping with names of the author's choice: at most f->max, none
 *  twice, all texts. The path stands at the entry meanwhile. */
void read_entries(struct reader *r, const struct field *f, const struct node *n, void *base,
	entry_reader each);
/** Calls `each` for the items of a sequence of f->min to f->max items. False if it isn't one. */
bool read_items(struct reader *r, const struct field *f, const struct node *n, void *base,
	entry_reader each);

#endif
