/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_FIELDS_H
#define RTMEM_LIBPOLICY_FIELDS_H

/*
 * THE table of keys: one row per key of the language. Parser, defaults, JSON Schema, `explain` and
 * the comparison of two policies all read it; a new key is a row in fields.c, a member in policy.h
 * and a test. The kind says which type the member has (kinds.c knows the sizes).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpolicy/document.h"
#include "libpolicy/enums.h"
#include "libpolicy/policy.h"

enum field_kind {
	KIND_MAPPING, /* of the rows `keys`; offset: of a struct place */
	KIND_VERSION, /* uint32_t */
	KIND_INTEGER, /* int */
	KIND_COUNT, /* uint32_t */
	KIND_ENUM, /* int-sized enum */
	KIND_SIZE, /* uint64_t, bytes */
	KIND_DURATION, /* uint64_t, microseconds */
	KIND_FAULTS, /* uint64_t, or BYTES_UNLIMITED */
	KIND_LIMIT_SIZE, /* struct limit in bytes */
	KIND_LIMIT_COUNT, /* struct limit in something else */
	KIND_CPUS, /* uint64_t[CPU_LIST_WORDS] */
	KIND_CAPABILITIES, /* uint64_t, mask */
	KIND_PATH, /* char *, absolute */
	KIND_IDENTITY, /* char *, name or number of a user or group */
	KIND_IDENTITIES, /* char ** */
	KIND_ARGUMENTS, /* char ** */
	KIND_FILES, /* char **: absolute paths, each perhaps with "-" before it */
	KIND_PROCESS_NAMES, /* char ** */
	KIND_OUTPUT, /* char *: a word or an absolute path */
	KIND_ENVIRONMENT, /* char ** of KEY=VALUE */
	KIND_INHERITS, /* nothing is stored: inherit.c goes by the nodes */
	KIND_PROCESS, /* const struct node * */
	KIND_PROCESSES, /* const struct node *: names -> processes */
	KIND_MODE, /* uint32_t, permissions of a file */
	/* base: struct file_policy, which gets wishes */
	KIND_HUGEPAGES,
	KIND_DRIFT,
	KIND_SURPLUS,
	KIND_HUGETLBFS,
	KIND_SYSCTL,
	KIND_FILE_PATTERNS, /* char ** of file_policy */
	KIND_SYSCTL_NAMES, /* char ** of file_policy */
	KIND_WISH_WORD, /* the word itself */
	KIND_WISH_CHOICE, /* the word's number */
	KIND_WISH_SIZES, /* sizes -> the word itself */
	KIND_WISH_NUMBER,
	KIND_WISH_NUMBERS, /* min..max: how many */
	KIND_WISH_KIB, /* a size; the kernel counts kB */
	KIND_WISH_MSEC, /* a duration; the kernel counts milliseconds */
	KIND_MAX,
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_kind kind;
	bool live; /* a change needs no new launch */
	size_t offset; /* of the value within its struct */
	size_t set_offset; /* of the bool that says it was written; 0 = none */
	int64_t min, max; /* integers; bytes; microseconds; number of entries */
	const struct enum_name *names;
	const struct field *keys;
	const char *setting; /* of a wish: its name, or the beginning of it */
	const char *fallback; /* the default, as one would write it; NULL = not set */
	const char *unit;
	const char *doc; /* what it means, and what to know */
	const char *example; /* a value as one would write it */
};

/* What one file says, before inheritance. */
struct file_policy {
	uint32_t version;
	const struct node *defaults;
	const struct node *profiles;
	const struct node *processes;
	struct place host_place;
	char **sysctl_allow; /* patterns */
	char **lock_files; /* patterns */
	struct place lock_files_place;
	struct host_wish *wishes;
	size_t n_wishes;
	struct host_wish *drifts; /* setting or DRIFT_DEFAULT, and report or reapply */
	size_t n_drifts;
};

#define LANGUAGE_VERSION 1
#define LANGUAGE_SINCE	 "0.1.0"

#define PROCESSES_MAX 256 /* in one file */
#define INHERITS_MAX  16 /* profiles that one process inherits from, repetitions included */

/* What `hugetlbfs:` says of one directory. */
struct hugetlbfs_policy {
	uint64_t page_bytes;
	char *owner;
	char *group;
	uint32_t mode;
};

extern const struct field file_fields[];
extern const struct field host_fields[];
extern const struct field hugetlbfs_fields[];
extern const struct field process_fields[];
/* life-fields.c */
extern const struct field ready_fields[];
extern const struct field compliance_fields[];
extern const struct field restart_fields[];
extern const struct field stop_fields[];
extern const struct field output_fields[];
extern const struct field cgroup_fields[];

const struct field *field_find(const struct field *table, const char *name);
/** What a value may be, for people: "one of strict, balanced, onfault, none". */
const char *field_allowed(const struct field *f, char *buf, size_t size);

#define FIELD_ALLOWED_MAX 1024

#endif
