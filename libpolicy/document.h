/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_DOCUMENT_H
#define RTMEM_LIBPOLICY_DOCUMENT_H

/*
 * One YAML file as a tree of nodes, each with the place where it was written. Bounded in every
 * direction, so that a hostile file costs no more than a long one. Anchors, aliases, merge keys and
 * tags are refused here: inheritance has keys of its own (profiles, inherits), which can be checked.
 */
#include <stdbool.h>
#include <stddef.h>

#include "libpolicy/diagnostic.h"
#include "libpolicy/policy.h"

#define DOCUMENT_BYTES_MAX (1u << 20)
#define DOCUMENT_NODES_MAX 100000u
#define DOCUMENT_DEPTH_MAX 16u

enum node_kind {
	NODE_REFUSED, /* already complained about: readers pass it over in silence */
	NODE_SCALAR,
	NODE_SEQUENCE,
	NODE_MAPPING,
};

/* What a scalar is by YAML 1.2's core schema; quoted ones are always text. */
enum scalar_type {
	SCALAR_TEXT,
	SCALAR_INTEGER,
	SCALAR_FLOAT,
	SCALAR_BOOLEAN,
	SCALAR_NULL,
};

struct entry {
	struct node *key; /* NULL in sequences */
	struct node *value;
};

struct node {
	enum node_kind kind;
	bool plain; /* scalars: written without quotes */
	struct place place;
	char *text; /* scalars: NUL-terminated; length tells whether it has NULs inside */
	size_t length;
	struct entry *entries;
	size_t n_entries;
	bool cut; /* the file broke off inside: more would have followed */
};

struct document {
	const char *file; /* borrowed: outlives the document */
	char *text; /* the file, NUL-terminated, for the lines that diagnostics show */
	size_t length;
	struct node *root; /* NULL if there's none */
	bool complete; /* read to the end without a syntax error */
};

/** Takes over `text`. User mistakes go to `d` and leave a partial tree; -ENOMEM otherwise. */
int document_parse(
	const char *file, char *text, size_t length, struct document **ret, struct diagnostics *d);
struct document *document_free(struct document *doc);
DEFINE_CLEANUP(struct document *, document_free)
#define _cleanup_document_ CLEANUP(document_free_cleanup)

enum scalar_type node_scalar_type(const struct node *n);
/** "a mapping", "a number", "empty" ...: how a message calls what stands there. */
const char *node_describe(const struct node *n);
/** Value of a key, following a dotted path; NULL when it isn't there. */
const struct node *node_find(const struct node *mapping, const char *path);

#endif
