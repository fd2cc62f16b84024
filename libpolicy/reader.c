/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walker: everything that's the same for all keys, once for the whole language. Unknown and
 * duplicate keys are found here, collections of any name are walked here, and the table below says
 * which function reads which kind.
 */
#include "libpolicy/reader.h"

#include <string.h>

#include "libpolicy/suggest.h"

static void read_group(struct reader *r, const struct field *f, const struct node *n, void *base) {
	if (n->kind != NODE_MAPPING) {
		reject_value(r, f, n, DIAG_WRONG_TYPE);
		return;
	}
	if (f->offset > 0)
		*(struct place *)((char *)base + f->offset) = n->place;
	read_mapping(r, f->keys, n, base);
}

static const value_reader readers[KIND_MAX] = {
	[KIND_MAPPING] = read_group,
	[KIND_VERSION] = read_version,
	[KIND_INTEGER] = read_integer,
	[KIND_COUNT] = read_count,
	[KIND_ENUM] = read_enum,
	[KIND_SIZE] = read_size,
	[KIND_DURATION] = read_duration,
	[KIND_FAULTS] = read_faults,
	[KIND_LIMIT_SIZE] = read_limit_size,
	[KIND_LIMIT_COUNT] = read_limit_count,
	[KIND_CPUS] = read_cpus,
	[KIND_CAPABILITIES] = read_capabilities,
	[KIND_PATH] = read_path,
	[KIND_IDENTITY] = read_identity,
	[KIND_IDENTITIES] = read_identities,
	[KIND_ARGUMENTS] = read_arguments,
	[KIND_FILES] = read_files,
	[KIND_PROCESS_NAMES] = read_process_names,
	[KIND_OUTPUT] = read_output,
	[KIND_ENVIRONMENT] = read_environment,
	[KIND_INHERITS] = read_inherits,
	[KIND_PROCESS] = read_process,
	[KIND_PROCESSES] = read_processes,
	[KIND_HUGEPAGES] = read_hugepages,
	[KIND_DRIFT] = read_drift,
	[KIND_SURPLUS] = read_surplus,
	[KIND_WISH_SIZES] = read_wish_sizes,
	[KIND_HUGETLBFS] = read_hugetlbfs,
	[KIND_SYSCTL] = read_sysctl,
	[KIND_FILE_PATTERNS] = read_file_patterns,
	[KIND_SYSCTL_NAMES] = read_sysctl_names,
	[KIND_MODE] = read_mode,
	[KIND_WISH_WORD] = read_wish_word,
	[KIND_WISH_CHOICE] = read_wish_choice,
	[KIND_WISH_NUMBER] = read_wish_number,
	[KIND_WISH_NUMBERS] = read_wish_numbers,
	[KIND_WISH_KIB] = read_wish_kib,
	[KIND_WISH_MSEC] = read_wish_msec,
};

const char *path_text(const struct path *p, char buf[static PATH_TEXT_MAX]) {
	char up[PATH_TEXT_MAX];
	bool alone = !p || !p->up || p->up->hidden;

	if (!p)
		return strcpy(buf, "the top level");
	if (!p->name)
		snprintf(buf, PATH_TEXT_MAX, "%.200s[%zu]", path_text(p->up, up), p->index);
	else if (alone)
		snprintf(buf, PATH_TEXT_MAX, "%.200s", p->name);
	else
		snprintf(buf, PATH_TEXT_MAX, "%.150s.%.100s", path_text(p->up, up), p->name);
	return buf;
}

/* The value as it was written: text in quotes, numbers without; what it is, if it has no text. */
static const char *value_text(const struct node *n, char buf[static QUOTE_MAX]) {
	if (n->kind != NODE_SCALAR || (n->plain && n->length == 0))
		return node_describe(n);
	if (node_scalar_type(n) == SCALAR_TEXT || n->length >= QUOTE_MAX)
		return quote(n->text, buf);
	return strcpy(buf, n->text);
}

void reject(struct reader *r, const struct node *n, enum diagnostic_id id, const char *allowed) {
	char path[PATH_TEXT_MAX], text[QUOTE_MAX];

	if (n->kind != NODE_REFUSED)
		diagnostics_add(r->diagnostics, &n->place, id, "%s can't be %s; allowed: %s",
			path_text(r->path, path), value_text(n, text), allowed);
}

void reject_value(
	struct reader *r, const struct field *f, const struct node *n, enum diagnostic_id id) {
	char allowed[FIELD_ALLOWED_MAX];

	reject(r, n, id, field_allowed(f, allowed, sizeof(allowed)));
}

void read_value(struct reader *r, const struct field *f, const struct node *n, void *base) {
	struct path here = { .up = r->path, .name = f->name };

	if (n->kind == NODE_REFUSED)
		return;
	r->path = &here;
	readers[f->kind](r, f, n, base);
	r->path = here.up;
}

/* A key that exists, but elsewhere: "lock" -> "memory". NULL when there's none. */
static const char *find_home(const struct field *table, const char *name) {
	for (; table->name; table++)
		if (table->keys && table->kind == KIND_MAPPING) {
			const char *deeper = find_home(table->keys, name);

			if (field_find(table->keys, name))
				return table->name;
			if (deeper)
				return deeper;
		}
	return NULL;
}

static void hint_at_key(struct reader *r, const struct field *table, const struct node *key) {
	struct suggestion s = { .wanted = key->text };
	const char *home;

	for (const struct field *f = table; f->name; f++)
		suggest_offer(&s, f->name);
	if (s.best && strcmp(s.best, key->text) != 0) {
		diagnostics_hint(r->diagnostics, "did you mean \"%s\"?", s.best);
		return;
	}
	home = find_home(process_fields, key->text);
	if (!home)
		home = find_home(file_fields, key->text);
	if (home)
		diagnostics_hint(r->diagnostics, "\"%s\" is a key of \"%s\"", key->text, home);
	else if (field_find(process_fields, key->text))
		diagnostics_hint(r->diagnostics, "\"%s\" is a key of each process", key->text);
	else if (field_find(file_fields, key->text))
		diagnostics_hint(r->diagnostics,
			"\"%s\" is a key of the top level, without indentation", key->text);
	else if (key->text[strspn(key->text, "0123456789-")] == '\0')
		diagnostics_hint(r->diagnostics,
			"in { ... }, a list with commas wants quotes: cpus: \"2,3\"");
}

static void complain_unknown(struct reader *r, const struct field *table, const struct node *key) {
	char path[PATH_TEXT_MAX], text[QUOTE_MAX], names[FIELD_ALLOWED_MAX] = "";
	size_t used = 0;

	for (const struct field *f = table; f->name && used < sizeof(names); f++)
		used += (size_t)snprintf(
			names + used, sizeof(names) - used, "%s%s", used ? ", " : "", f->name);
	diagnostics_add(r->diagnostics, &key->place, DIAG_UNKNOWN_KEY,
		"unknown key %s %s %s; allowed: %s", quote(key->text, text), r->path ? "in" : "at",
		path_text(r->path, path), names);
	hint_at_key(r, table, key);
}

static void complain_duplicate(struct reader *r, const struct node *key, const struct node *first) {
	char text[QUOTE_MAX], path[PATH_TEXT_MAX];

	diagnostics_add(r->diagnostics, &key->place, DIAG_DUPLICATE_KEY,
		"%s is written twice in %s; allowed: once (first in line %u)",
		quote(key->text, text), path_text(r->path, path), first->place.line);
}

static bool check_key(struct reader *r, const struct node *key) {
	char path[PATH_TEXT_MAX];

	if (key->kind == NODE_REFUSED)
		return false;
	if (key->kind == NODE_SCALAR && strlen(key->text) == key->length)
		return true;
	diagnostics_add(r->diagnostics, &key->place, DIAG_KEY_NOT_TEXT,
		"a key in %s is %s; allowed: plain text", path_text(r->path, path),
		key->kind == NODE_SCALAR ? "text with a NUL character" : node_describe(key));
	return false;
}

/* The entry before number i that has the same key. */
static const struct node *find_earlier(const struct node *n, size_t i) {
	for (size_t j = 0; j < i; j++) {
		const struct node *key = n->entries[j].key;

		if (key->kind == NODE_SCALAR && strcmp(key->text, n->entries[i].key->text) == 0)
			return key;
	}
	return NULL;
}

void read_mapping(struct reader *r, const struct field *table, const struct node *n, void *base) {
	const struct node *seen[32] = { NULL }; /* by row */

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct node *key = n->entries[i].key;
		const struct field *f;

		if (!check_key(r, key))
			continue;
		f = field_find(table, key->text);
		if (!f)
			complain_unknown(r, table, key);
		else if (seen[f - table])
			complain_duplicate(r, key, seen[f - table]);
		else
			read_value(r, f, n->entries[i].value, base);
		if (f && !seen[f - table])
			seen[f - table] = key;
	}
}

static bool check_count(struct reader *r, const struct field *f, const struct node *n) {
	char path[PATH_TEXT_MAX];

	if (n->n_entries <= (size_t)f->max && (n->n_entries >= (size_t)f->min || n->cut))
		return true;
	if (n->n_entries < (size_t)f->min)
		diagnostics_add(r->diagnostics, &n->place, DIAG_EMPTY_TEXT,
			"%s is empty; allowed: at least one entry", path_text(r->path, path));
	else
		diagnostics_add(r->diagnostics, &n->place, DIAG_TOO_MANY_ENTRIES,
			"%s has %zu entries; allowed: %d at most", path_text(r->path, path),
			n->n_entries, (int)f->max);
	return false;
}

void read_entries(struct reader *r, const struct field *f, const struct node *n, void *base,
	entry_reader each) {
	const struct path *up = r->path;

	if (n->kind != NODE_MAPPING)
		reject_value(r, f, n, DIAG_WRONG_TYPE);
	if (n->kind != NODE_MAPPING || !check_count(r, f, n))
		return;
	for (size_t i = 0; i < n->n_entries; i++) {
		const struct node *key = n->entries[i].key;
		const struct node *earlier;

		if (!check_key(r, key))
			continue;
		earlier = find_earlier(n, i);
		if (earlier) {
			complain_duplicate(r, key, earlier);
			continue;
		}
		r->path = &(struct path){ .up = up, .name = key->text };
		each(r, f, &n->entries[i], base);
		r->path = up;
	}
}

bool read_items(struct reader *r, const struct field *f, const struct node *n, void *base,
	entry_reader each) {
	const struct path *up = r->path;

	if (n->kind != NODE_SEQUENCE)
		reject_value(r, f, n, DIAG_WRONG_TYPE);
	if (n->kind != NODE_SEQUENCE || !check_count(r, f, n))
		return false;
	for (size_t i = 0; i < n->n_entries; i++) {
		r->path = &(struct path){ .up = up, .index = i };
		if (n->entries[i].value->kind != NODE_REFUSED)
			each(r, f, &n->entries[i], base);
		r->path = up;
	}
	return true;
}

void read_defaults(struct reader *r, const struct field *table, void *base) {
	for (const struct field *f = table; f->name; f++) {
		struct node n = { .kind = NODE_SCALAR, .plain = true };

		if (f->kind == KIND_MAPPING)
			read_defaults(r, f->keys, base);
		if (!f->fallback)
			continue;
		n.text = (char *)f->fallback;
		n.length = strlen(f->fallback);
		read_value(r, f, &n, base);
	}
}
