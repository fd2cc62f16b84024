/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinds with several values. Sequences replace what was inherited; the environment, a mapping, is
 * merged by name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/capability.h"
#include "common/names.h"
#include "common/units.h"
#include "libpolicy/names.h"
#include "libpolicy/process.h"
#include "libpolicy/reader.h"
#include "libpolicy/suggest.h"

static void append_text(struct reader *r, char ***v, const char *text) {
	if (strv_append(v, text) < 0)
		r->error = -ENOMEM;
}

static char ***vector(const struct field *f, void *base) {
	return member(f, base);
}

/* ---- sequences: the items go to a vector of their own first ------------------------------------ */

static void read_argument(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	bool first = r->path->index == 0;
	const char *allowed = first ? "the name of a program" : "text";
	char ***v = base;

	if (!check_text(r, e->value, allowed))
		return;
	if (e->value->length == 0 && first)
		reject(r, e->value, DIAG_EMPTY_TEXT, allowed);
	else
		append_text(r, v, e->value->text);
}

static void read_identity_item(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "a name or a number";
	char ***v = base;

	if (!check_identity(r, e->value, allowed))
		return;
	if (identity_is_valid(e->value->text))
		append_text(r, v, e->value->text);
	else
		reject(r, e->value, DIAG_BAD_NAME, allowed);
}

static void read_file(struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "an absolute path, with \"-\" before it if it may be missing";
	char ***v = base;

	if (!check_text(r, e->value, allowed))
		return;
	if (e->value->text[e->value->text[0] == '-'] == '/')
		append_text(r, v, e->value->text);
	else
		reject(r, e->value, DIAG_NOT_ABSOLUTE, allowed);
}

static void read_process_name(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "the name of a process";
	char ***v = base;

	if (!check_text(r, e->value, allowed))
		return;
	if (process_name_is_valid(e->value->text))
		append_text(r, v, e->value->text);
	else
		reject(r, e->value, DIAG_BAD_NAME, allowed);
}

static void replace_vector(struct reader *r, const struct field *f, const struct node *n,
	void *base, entry_reader each) {
	_cleanup_strv_ char **v = NULL;

	if (!read_items(r, f, n, &v, each))
		return;
	if (!v) { /* an empty sequence is something else than no sequence */
		v = calloc(1, sizeof(*v));
		if (!v)
			r->error = -ENOMEM;
	}
	strv_free(*vector(f, base));
	*vector(f, base) = TAKE(v);
}

void read_arguments(struct reader *r, const struct field *f, const struct node *n, void *base) {
	replace_vector(r, f, n, base, read_argument);
}

void read_identities(struct reader *r, const struct field *f, const struct node *n, void *base) {
	replace_vector(r, f, n, base, read_identity_item);
}

void read_files(struct reader *r, const struct field *f, const struct node *n, void *base) {
	replace_vector(r, f, n, base, read_file);
}

void read_process_names(struct reader *r, const struct field *f, const struct node *n, void *base) {
	struct process_policy *p = base; /* the one table that has such a key */

	replace_vector(r, f, n, base, read_process_name);
	p->after_place = n->place;
}

/* Names as the kernel's headers have them get the hint that the nearest spelling can't give. */
static void hint_at_capability(struct reader *r, const char *text) {
	struct suggestion s = { .wanted = text };

	if (strncasecmp(text, "cap_", 4) == 0)
		s.wanted = text + 4;
	for (int i = 0; capability_to_string(i); i++)
		suggest_offer(&s, capability_to_string(i));
	if (s.best)
		diagnostics_hint(
			r->diagnostics, "did you mean \"%s\"? (lower case, without CAP_)", s.best);
}

static void read_capability(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "a capability such as ipc_lock, sys_nice, net_admin";
	uint64_t *mask = base;
	int number;

	if (!check_scalar(r, e->value, allowed))
		return;
	number = capability_from_string(e->value->text);
	if (number >= 0) {
		*mask |= CAPABILITY_BIT(number);
		return;
	}
	reject(r, e->value, DIAG_BAD_VALUE, allowed);
	hint_at_capability(r, e->value->text);
}

void read_capabilities(struct reader *r, const struct field *f, const struct node *n, void *base) {
	uint64_t mask = 0;

	if (!read_items(r, f, n, &mask, read_capability))
		return;
	*(uint64_t *)member(f, base) = mask;
	mark_set(f, base);
}

/* ---- environment ------------------------------------------------------------------------------- */

static bool check_variable(struct reader *r, const struct node *key) {
	char text[QUOTE_MAX];

	if (variable_is_reserved(key->text)) {
		diagnostics_add(r->diagnostics, &key->place, DIAG_RESERVED_VARIABLE,
			"%s is set by rtmem itself; allowed: any other variable", key->text);
		return false;
	}
	if (variable_name_is_valid(key->text))
		return true;
	diagnostics_add(r->diagnostics, &key->place, DIAG_BAD_NAME,
		"%s isn't the name of a variable; allowed: letters, digits and _, not first a digit",
		quote(key->text, text));
	return false;
}

static void read_variable(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	_cleanup_free_ char *assignment = NULL;

	if (!check_variable(r, e->key) || !check_text(r, e->value, "text"))
		return;
	if (asprintf(&assignment, "%s=%s", e->key->text, e->value->text) < 0)
		assignment = NULL;
	if (!assignment || strv_env_set(vector(f, base), assignment) < 0)
		r->error = -ENOMEM;
}

void read_environment(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, read_variable);
}

/* ---- processes and profiles -------------------------------------------------------------------- */

static void check_reference(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	static const char allowed[] = "the name of a profile";

	if (check_text(r, e->value, allowed) && !process_name_is_valid(e->value->text))
		reject(r, e->value, DIAG_BAD_NAME, allowed);
}

/* Only the form; whether there is such a profile turns out when all files are read. */
void read_inherits(struct reader *r, const struct field *f, const struct node *n, void *base) {
	if (n->kind == NODE_SEQUENCE)
		read_items(r, f, n, NULL, check_reference);
	else if (n->kind == NODE_SCALAR)
		check_reference(r, f, &(struct entry){ .value = (struct node *)n }, NULL);
	else
		reject_value(r, f, n, DIAG_WRONG_TYPE);
}

/* Each process is read once for itself, to complain; set.c reads it again over what it inherits. */
static void check_process(
	struct reader *r, const struct field *f, const struct node *n, const char *name) {
	const struct path *up = r->path;
	struct path here = { .name = name, .hidden = true };
	struct process_policy scratch;

	if (n->kind != NODE_MAPPING) {
		reject(r, n, DIAG_WRONG_TYPE, "a mapping of keys such as command and memory");
		return;
	}
	process_init(&scratch);
	r->path = &here;
	read_mapping(r, f->keys, n, &scratch);
	r->path = up;
	process_done(&scratch);
}

static void keep_node(const struct field *f, const struct node *n, void *base) {
	*(const struct node **)member(f, base) = n;
}

void read_process(struct reader *r, const struct field *f, const struct node *n, void *base) {
	check_process(r, f, n, f->name);
	if (n->kind == NODE_MAPPING)
		keep_node(f, n, base);
}

static void check_entry(
	struct reader *r, const struct field *f, const struct entry *e, void *base) {
	char name[PATH_TEXT_MAX], text[QUOTE_MAX];

	if (!process_name_is_valid(e->key->text)) {
		diagnostics_add(r->diagnostics, &e->key->place, DIAG_BAD_NAME,
			"%s isn't a name; allowed: up to 64 letters, digits, \"_\", \".\" and \"-\", "
			"first a letter or digit",
			quote(e->key->text, text));
		return;
	}
	if (e->value->kind != NODE_REFUSED)
		check_process(r, f, e->value, path_text(r->path, name));
}

void read_processes(struct reader *r, const struct field *f, const struct node *n, void *base) {
	read_entries(r, f, n, base, check_entry);
	if (n->kind == NODE_MAPPING)
		keep_node(f, n, base);
}
