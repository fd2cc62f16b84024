/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libyaml's events become a tree. Open containers stand on a stack of fixed depth; a finished node
 * hangs in its parent from the moment it's made, so that freeing the root frees everything, at any
 * time. A mapping whose last entry has no value yet is waiting for it.
 */
#include "libpolicy/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/syntax.h"
#include "libpolicy/text.h"

struct builder {
	struct document *doc;
	struct diagnostics *diagnostics;
	struct node *open[DOCUMENT_DEPTH_MAX]; /* containers, outermost first */
	unsigned depth;
	unsigned n_nodes;
	unsigned n_documents;
	struct node *last; /* scalar of the latest event, if that was one */
};

enum step_result { /* beside negative errno */
	STEP_GO_ON,
	STEP_DONE,
	STEP_BROKEN, /* complained about; what was read so far is all there is */
};

static struct node *node_free(struct node *n) {
	if (!n)
		return NULL;
	for (size_t i = 0; i < n->n_entries; i++) {
		node_free(n->entries[i].key);
		node_free(n->entries[i].value);
	}
	free(n->entries);
	free(n->text);
	free(n);
	return NULL;
}

struct document *document_free(struct document *doc) {
	if (!doc)
		return NULL;
	node_free(doc->root);
	free(doc->text);
	free(doc);
	return NULL;
}

static struct place place_of(const struct builder *b, yaml_mark_t mark) {
	return (struct place){
		.file = b->doc->file,
		.line = (unsigned)mark.line + 1,
		.column = (unsigned)mark.column + 1,
	};
}

static bool waits_for_value(const struct node *parent) {
	return parent->kind == NODE_MAPPING && parent->n_entries > 0 &&
		!parent->entries[parent->n_entries - 1].value;
}

static int append_entry(struct node *parent, struct entry entry) {
	size_t n = parent->n_entries;

	if (n == 0 || (n & (n - 1)) == 0) {
		struct entry *grown = reallocarray(parent->entries, n ? n * 2 : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		parent->entries = grown;
	}
	parent->entries[parent->n_entries++] = entry;
	return 0;
}

/* Takes over the node, also on failure. */
static int attach(struct builder *b, struct node *n) {
	struct node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;
	int r = 0;

	if (!parent)
		b->doc->root = n;
	else if (waits_for_value(parent))
		parent->entries[parent->n_entries - 1].value = n;
	else if (parent->kind == NODE_MAPPING)
		r = append_entry(parent, (struct entry){ .key = n });
	else
		r = append_entry(parent, (struct entry){ .value = n });
	if (r < 0)
		node_free(n);
	return r;
}

static bool is_key(const struct builder *b) {
	const struct node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;

	return parent && parent->kind == NODE_MAPPING && !waits_for_value(parent);
}

static int add_node(
	struct builder *b, enum node_kind kind, const yaml_event_t *event, struct node **ret) {
	struct place place = place_of(b, event->start_mark);
	struct node *n;

	if (++b->n_nodes > DOCUMENT_NODES_MAX) {
		diagnostics_add(b->diagnostics, &place, DIAG_TOO_MANY_NODES,
			"more than %u keys and values; a policy has at most so many",
			DOCUMENT_NODES_MAX);
		return STEP_BROKEN;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->kind = kind;
	n->place = place;
	*ret = n;
	return attach(b, n);
}

static void refuse_anchor_and_tag(struct builder *b, const yaml_event_t *event,
	const yaml_char_t *anchor, const yaml_char_t *tag) {
	struct place place = place_of(b, event->start_mark);

	if (anchor) {
		diagnostics_add(b->diagnostics, &place, DIAG_ANCHOR,
			"anchors (&name) aren't part of the policy language");
		diagnostics_hint(b->diagnostics,
			"put what is shared under profiles: and name it with inherits:");
	}
	if (tag) {
		diagnostics_add(b->diagnostics, &place, DIAG_TAG,
			"tags (!name) aren't part of the policy language");
		diagnostics_hint(b->diagnostics, "leave it out: every key has one type");
	}
}

static void refuse_merge_key(struct builder *b, struct node *n) {
	if (!n->plain || strcmp(n->text, "<<") != 0)
		return;
	diagnostics_add(b->diagnostics, &n->place, DIAG_MERGE_KEY,
		"merge keys (<<) aren't part of the policy language");
	diagnostics_hint(
		b->diagnostics, "put what is shared under profiles: and name it with inherits:");
	n->kind = NODE_REFUSED;
}

static int on_scalar(struct builder *b, const yaml_event_t *event) {
	bool key = is_key(b);
	struct node *n = NULL;
	int r;

	refuse_anchor_and_tag(b, event, event->data.scalar.anchor, event->data.scalar.tag);
	r = add_node(b, NODE_SCALAR, event, &n);
	if (r != STEP_GO_ON)
		return r;
	n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->length = event->data.scalar.length;
	n->text = malloc(n->length + 1);
	if (!n->text)
		return -ENOMEM;
	memcpy(n->text, event->data.scalar.value, n->length);
	n->text[n->length] = '\0';
	b->last = n;
	if (key)
		refuse_merge_key(b, n);
	return STEP_GO_ON;
}

static int on_alias(struct builder *b, const yaml_event_t *event) {
	struct place place = place_of(b, event->start_mark);
	struct node *n;

	diagnostics_add(b->diagnostics, &place, DIAG_ALIAS,
		"aliases (*name) aren't part of the policy language");
	diagnostics_hint(
		b->diagnostics, "put what is shared under profiles: and name it with inherits:");
	return add_node(b, NODE_REFUSED, event, &n);
}

static int on_open(struct builder *b, enum node_kind kind, const yaml_event_t *event) {
	struct place place = place_of(b, event->start_mark);
	struct node *n = NULL;
	int r;

	if (kind == NODE_MAPPING)
		refuse_anchor_and_tag(
			b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	else
		refuse_anchor_and_tag(b, event, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
	if (b->depth == DOCUMENT_DEPTH_MAX) {
		diagnostics_add(b->diagnostics, &place, DIAG_TOO_DEEP,
			"nested deeper than %u levels; no policy needs so many",
			DOCUMENT_DEPTH_MAX);
		return STEP_BROKEN;
	}
	r = add_node(b, kind, event, &n);
	if (r == STEP_GO_ON && n)
		b->open[b->depth++] = n;
	return r;
}

static int on_document(struct builder *b, const yaml_event_t *event) {
	struct place place = place_of(b, event->start_mark);

	if (event->data.document_start.tag_directives.start !=
		event->data.document_start.tag_directives.end)
		diagnostics_add(b->diagnostics, &place, DIAG_TAG,
			"%%TAG directives aren't part of the policy language");
	if (b->n_documents++ == 0)
		return STEP_GO_ON;
	diagnostics_add(b->diagnostics, &place, DIAG_SECOND_DOCUMENT,
		"a second document starts here; a file holds one");
	diagnostics_hint(b->diagnostics, "put it into a file of its own");
	return STEP_DONE;
}

static int on_event(struct builder *b, const yaml_event_t *event) {
	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		return STEP_DONE;
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, NODE_MAPPING, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, NODE_SEQUENCE, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return STEP_GO_ON;
	default:
		return STEP_GO_ON;
	}
}

static int build_step(struct builder *b, yaml_parser_t *parser) {
	yaml_event_t event;
	int r;

	if (!yaml_parser_parse(parser, &event)) {
		if (parser->error == YAML_MEMORY_ERROR)
			return -ENOMEM;
		syntax_explain(b->doc, parser, b->diagnostics);
		return STEP_BROKEN;
	}
	b->last = NULL;
	r = on_event(b, &event);
	yaml_event_delete(&event);
	return r;
}

/* A file that broke off leaves keys without values behind, and a last word that may be half of
 * something: neither is worth a complaint. Innermost first: an open container may itself be a key. */
static void tidy_broken_edge(struct builder *b) {
	if (b->last)
		b->last->kind = NODE_REFUSED;
	for (struct node *n; b->depth > 0 && (n = b->open[b->depth - 1]); b->depth--) {
		n->cut = true;
		if (waits_for_value(n))
			node_free(n->entries[--n->n_entries].key);
	}
}

static int build(struct builder *b) {
	size_t bom = text_bom(b->doc->text, b->doc->length);
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&parser, (const unsigned char *)b->doc->text + bom, b->doc->length - bom);
	do
		r = build_step(b, &parser);
	while (r == STEP_GO_ON);
	yaml_parser_delete(&parser);
	b->doc->complete = r == STEP_DONE;
	if (!b->doc->complete)
		tidy_broken_edge(b);
	return r < 0 ? r : 0;
}

static void check_not_empty(const struct document *doc, struct diagnostics *d) {
	struct place place = { .file = doc->file };

	if (doc->root &&
		!(doc->root->kind == NODE_SCALAR && node_scalar_type(doc->root) == SCALAR_NULL))
		return;
	diagnostics_add(
		d, &place, DIAG_EMPTY, "the file is empty; a policy starts with version: 1");
	diagnostics_hint(d, "to mask a file of a later directory, make it a link to /dev/null");
}

int document_parse(
	const char *file, char *text, size_t length, struct document **ret, struct diagnostics *d) {
	_cleanup_document_ struct document *doc = calloc(1, sizeof(*doc));
	struct builder b = { .doc = doc, .diagnostics = d };
	int r;

	if (!doc) {
		free(text);
		return -ENOMEM;
	}
	doc->file = file;
	doc->text = text;
	doc->length = length;
	if (text_check(file, text, length, d)) {
		r = build(&b);
		if (r < 0)
			return r;
		if (doc->complete)
			check_not_empty(doc, d);
	}
	*ret = TAKE(doc);
	return 0;
}

const struct node *node_find(const struct node *mapping, const char *path) {
	const struct node *n = mapping;

	while (n && *path) {
		size_t len = strcspn(path, ".");
		const struct node *found = NULL;

		for (size_t i = 0; n->kind == NODE_MAPPING && i < n->n_entries && !found; i++) {
			const struct node *key = n->entries[i].key;

			if (key->kind == NODE_SCALAR && key->length == len &&
				memcmp(key->text, path, len) == 0)
				found = n->entries[i].value;
		}
		n = found;
		path += len + (path[len] == '.');
	}
	return n;
}
