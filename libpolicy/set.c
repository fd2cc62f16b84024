/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All files are read before anything is built, because a process may inherit from a profile of any of
 * them. What a process inherits is read in silence, into one struct; complaints about single values
 * were made when the file was read. Errors anywhere refuse the set as a whole.
 */
#include "libpolicy/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/paths.h"
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/document.h"
#include "libpolicy/files.h"
#include "libpolicy/host-keys.h"
#include "libpolicy/inherit.h"
#include "libpolicy/order.h"
#include "libpolicy/process.h"
#include "libpolicy/reader.h"
#include "libpolicy/validate.h"
#include "libpolicy/wish.h"

#define HOLDER_TIMEOUT_USEC (UINT64_C(600) * 1000000) /* gigabytes from a slow disk */

struct source {
	struct document *document;
	struct file_policy policy;
};

struct loader {
	struct policy_set *set;
	struct source *sources;
	size_t n_sources;
	struct profiles profiles;
	struct diagnostics *diagnostics;
};

static void loader_done(struct loader *l) {
	for (size_t i = 0; i < l->n_sources; i++) {
		document_free(l->sources[i].document);
		strv_free(l->sources[i].policy.sysctl_allow);
		strv_free(l->sources[i].policy.lock_files);
		wishes_free(l->sources[i].policy.wishes, l->sources[i].policy.n_wishes);
		wishes_free(l->sources[i].policy.drifts, l->sources[i].policy.n_drifts);
	}
	free(l->sources);
	profiles_done(&l->profiles);
	policy_set_unref(l->set);
}

static int loader_init(struct loader *l, struct diagnostics *d) {
	*l = (struct loader){ .diagnostics = d };
	l->set = calloc(1, sizeof(*l->set));
	if (!l->set)
		return -ENOMEM;
	l->set->n_ref = 1;
	return 0;
}

/* ---- one file ---------------------------------------------------------------------------------- */

static void check_version(struct loader *l, const struct document *doc) {
	if (!doc->complete || node_find(doc->root, "version"))
		return;
	diagnostics_add(l->diagnostics, &doc->root->place, DIAG_MISSING_VERSION,
		"version is missing; a policy starts with version: 1");
}

static int read_source(struct loader *l, struct source *s) {
	struct reader r = { .diagnostics = l->diagnostics };
	const struct node *root = s->document->root;

	if (!root || root->kind == NODE_REFUSED ||
		(root->kind == NODE_SCALAR && node_scalar_type(root) == SCALAR_NULL))
		return 0;
	if (root->kind != NODE_MAPPING) {
		diagnostics_add(l->diagnostics, &root->place, DIAG_WRONG_TYPE,
			"a policy can't be %s; allowed: a mapping that starts with version: 1",
			node_describe(root));
		return 0;
	}
	read_mapping(&r, file_fields, root, &s->policy);
	check_version(l, s->document);
	check_sysctls(&s->policy, l->diagnostics);
	resolve_drift(&s->policy, l->diagnostics);
	return r.error;
}

/* Takes over `text`. */
static int loader_add(struct loader *l, const char *name, char *text, size_t len) {
	struct source *grown = reallocarray(l->sources, l->n_sources + 1, sizeof(*grown));
	struct source *s;
	int r;

	if (!grown || strv_append(&l->set->files, name) < 0) {
		l->sources = grown ? grown : l->sources;
		free(text);
		return -ENOMEM;
	}
	l->sources = grown;
	s = &grown[l->n_sources++];
	*s = (struct source){ 0 };
	r = document_parse(l->set->files[strv_length(l->set->files) - 1], text, len, &s->document,
		l->diagnostics);
	return r < 0 ? r : read_source(l, s);
}

/* ---- processes and profiles -------------------------------------------------------------------- */

static bool is_usable(const struct entry *e) {
	return e->key->kind == NODE_SCALAR && e->value->kind == NODE_MAPPING;
}

static const struct process_policy *find(
	const struct process_policy *list, size_t n, const char *name) {
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

/* In one file the reader has seen it. */
static void complain_duplicate(struct loader *l, const char *what, const char *name,
	const struct place *second, const struct place *first) {
	if (strcmp(first->file, second->file) == 0)
		return;
	diagnostics_add(l->diagnostics, second, DIAG_DUPLICATE_NAME,
		"%s %s is in two files; allowed: one (the other is %s:%u)", what, name, first->file,
		first->line);
	diagnostics_hint(l->diagnostics,
		"a file of the same name in an earlier directory replaces a file as a whole");
}

static int append(struct process_policy **list, size_t *n, const struct node *key,
	struct process_policy **ret) {
	struct process_policy *grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	process_init(&grown[*n]);
	grown[*n].name = strdup(key->text);
	grown[*n].place = key->place;
	*ret = &grown[(*n)++];
	return (*ret)->name ? 0 : -ENOMEM;
}

/* 0, -EINVAL when a layer has an error that was complained about before, -ENOMEM. */
static int read_layers(const struct layers *layers, struct process_policy *p) {
	_cleanup_diagnostics_ struct diagnostics before = { 0 };
	struct reader r = { .diagnostics = &before };

	read_defaults(&r, process_fields, p);
	for (size_t i = 0; i < layers->n_nodes; i++)
		read_mapping(&r, process_fields, layers->nodes[i], p);
	if (r.error < 0 || before.out_of_memory)
		return -ENOMEM;
	return before.n_errors > 0 ? -EINVAL : 0;
}

static int build_profile(struct loader *l, const struct entry *e) {
	struct policy_set *s = l->set;
	const struct process_policy *first = find(s->profiles, s->n_profiles, e->key->text);
	struct layers layers = { 0 };
	struct process_policy *p;
	int r;

	if (first)
		complain_duplicate(l, "profile", first->name, &e->key->place, &first->place);
	layers_add(&layers, &l->profiles, e->value, l->diagnostics);
	r = append(&s->profiles, &s->n_profiles, e->key, &p);
	if (r < 0)
		return r;
	return read_layers(&layers, p) == -ENOMEM ? -ENOMEM : 0;
}

static void check_command(
	struct loader *l, const struct source *s, const struct process_policy *p) {
	if (p->command || !s->document->complete)
		return;
	diagnostics_add(l->diagnostics, &p->place, DIAG_MISSING_COMMAND,
		"process %s has no command; allowed: command: [PROGRAM, ARGUMENT ...] here or in a "
		"profile",
		p->name);
}

static int build_process(struct loader *l, const struct source *s, const struct entry *e) {
	struct policy_set *set = l->set;
	const struct process_policy *first = find(set->processes, set->n_processes, e->key->text);
	struct layers layers = { 0 };
	struct process_policy *p;
	int r;

	if (first)
		complain_duplicate(l, "process", first->name, &e->key->place, &first->place);
	if (s->policy.defaults)
		layers_add(&layers, &l->profiles, s->policy.defaults, NULL);
	layers_add(&layers, &l->profiles, e->value, l->diagnostics);
	r = append(&set->processes, &set->n_processes, e->key, &p);
	if (r == 0)
		r = read_layers(&layers, p);
	if (r == 0) {
		check_command(l, s, p);
		if (s->document->complete)
			validate_process(p, &layers, l->diagnostics);
	}
	return r == -ENOMEM ? r : 0;
}

/* ---- the set ----------------------------------------------------------------------------------- */

static int collect_profiles(struct loader *l, const struct source *s) {
	const struct node *n = s->policy.profiles;
	int r = 0;

	for (size_t i = 0; n && i < n->n_entries && r == 0; i++)
		if (is_usable(&n->entries[i]))
			r = profiles_append(
				&l->profiles, n->entries[i].key->text, n->entries[i].value);
	return r;
}

static int build_wishes(struct loader *l, const struct source *s) {
	struct policy_set *set = l->set;
	int r = 0;

	for (size_t i = 0; i < s->policy.n_wishes && r == 0; i++) {
		const struct host_wish *w = &s->policy.wishes[i];
		const struct host_wish *first = wish_find(set->wishes, set->n_wishes, w->setting);

		if (first)
			complain_duplicate(l, "setting", w->setting, &w->place, &first->place);
		r = wish_append(&set->wishes, &set->n_wishes, w->setting, w->wanted, &w->place);
		if (r == 0)
			set->wishes[set->n_wishes - 1].reapply = w->reapply;
	}
	return r;
}

static int build_source(struct loader *l, const struct source *s) {
	const struct node *profiles = s->policy.profiles, *processes = s->policy.processes;
	int r = build_wishes(l, s);

	if (s->policy.defaults) {
		struct layers layers = { 0 };

		layers_add(&layers, &l->profiles, s->policy.defaults, l->diagnostics);
	}
	for (size_t i = 0; profiles && i < profiles->n_entries && r == 0; i++)
		if (is_usable(&profiles->entries[i]))
			r = build_profile(l, &profiles->entries[i]);
	for (size_t i = 0; processes && i < processes->n_entries && r == 0; i++)
		if (is_usable(&processes->entries[i]))
			r = build_process(l, s, &processes->entries[i]);
	return r;
}

/* ---- locked files ------------------------------------------------------------------------------ */

/* A process like any other, so that it's adopted, restarted, watched and shown as they are. */
static int init_holder(struct process_policy *p) {
	struct reader r = { .diagnostics = NULL };
	char helper[PATH_MAX];

	read_defaults(&r, process_fields, p);
	p->holds_files = true;
	p->inject = INJECT_NONE;
	p->memory.lock = LOCK_NONE;
	p->ready.when = READY_NOTIFY;
	p->ready.timeout_usec = HOLDER_TIMEOUT_USEC;
	p->compliance.minor_faults = BYTES_UNLIMITED;
	p->compliance.major_faults = BYTES_UNLIMITED;
	p->restart.when = RESTART_ALWAYS;
	p->on_change = ON_CHANGE_RESTART; /* other files: nobody depends on this process itself */
	(void)find_hold_helper(helper); /* the path where it's missing: the launch says so */
	return r.error < 0 ? r.error : strv_append(&p->command, helper);
}

static int build_holder(struct loader *l, const struct source *first) {
	struct policy_set *set = l->set;
	const struct process_policy *other = find(set->processes, set->n_processes, HOLDER_NAME);
	struct node key = { .text = (char *)HOLDER_NAME, .place = first->policy.lock_files_place };
	struct process_policy *p;
	int r;

	if (other) {
		diagnostics_add(l->diagnostics, &other->place, DIAG_DUPLICATE_NAME,
			"process " HOLDER_NAME " is what keeps host.lock_files (%s:%u); allowed: "
			"any other name",
			key.place.file, key.place.line);
		return 0;
	}
	r = append(&set->processes, &set->n_processes, &key, &p);
	if (r == 0)
		r = init_holder(p);
	for (const struct source *s = first; r == 0 && s < l->sources + l->n_sources; s++)
		STRV_FOREACH (pattern, s->policy.lock_files)
			if (r == 0)
				r = strv_append(&p->command, *pattern);
	return r;
}

static const struct source *find_locked_files(const struct loader *l) {
	for (size_t i = 0; i < l->n_sources; i++)
		if (l->sources[i].policy.lock_files)
			return &l->sources[i];
	return NULL;
}

/* Else names may be missing that stand where a file couldn't be read. */
static bool is_complete(const struct loader *l) {
	for (size_t i = 0; i < l->n_sources; i++)
		if (!l->sources[i].document->complete)
			return false;
	return true;
}

static int build(struct loader *l) {
	const struct source *locked = find_locked_files(l);
	int r = 0;

	for (size_t i = 0; i < l->n_sources && r == 0; i++)
		r = collect_profiles(l, &l->sources[i]);
	for (size_t i = 0; i < l->n_sources && r == 0; i++)
		r = build_source(l, &l->sources[i]);
	if (r == 0 && locked)
		r = build_holder(l, locked);
	if (r == 0)
		validate_host(l->set, l->diagnostics);
	if (r == 0 && is_complete(l))
		r = validate_order(l->set, l->diagnostics);
	return r;
}

/* Ends the loading either way: diagnostics in order, and the set handed over if there's no error. */
static int loader_finish(struct loader *l, int r, struct policy_set **ret) {
	struct diagnostics *d = l->diagnostics;

	if (r == 0)
		r = build(l);
	for (size_t i = 0; i < l->n_sources; i++)
		if (l->sources[i].document)
			diagnostics_attach_source(d, l->sources[i].document->file,
				l->sources[i].document->text, l->sources[i].document->length);
	diagnostics_sort(d);
	if (r == 0 && d->out_of_memory)
		r = -ENOMEM;
	if (r == 0 && d->n_errors > 0)
		r = -EINVAL;
	if (r == 0)
		r = policy_set_index(l->set);
	*ret = r == 0 ? TAKE(l->set) : NULL;
	return r;
}

static int load_all(struct loader *l, char *const *files, unsigned flags) {
	int r = 0;

	STRV_FOREACH (file, files) {
		size_t len = 0;
		char *text = NULL;

		r = files_read(*file, flags, &text, &len, l->diagnostics);
		if (r == 0 && text)
			r = loader_add(l, *file, text, len);
		if (r < 0)
			break;
	}
	return r;
}

int policy_set_load(
	char *const *paths, unsigned flags, struct policy_set **ret, struct diagnostics *d) {
	CLEANUP(loader_done) struct loader l = { 0 };
	_cleanup_strv_ char **files = NULL;
	int r = loader_init(&l, d);

	if (r == 0)
		r = files_collect(paths, flags, &files, d);
	if (r == 0)
		r = load_all(&l, files, flags);
	return loader_finish(&l, r, ret);
}

int policy_set_parse(const char *name, const char *text, size_t len, struct policy_set **ret,
	struct diagnostics *d) {
	CLEANUP(loader_done) struct loader l = { 0 };
	struct place place = { .file = name };
	int r = loader_init(&l, d);
	char *copy;

	if (r == 0 && len > DOCUMENT_BYTES_MAX) {
		diagnostics_add(d, &place, DIAG_FILE_TOO_LARGE,
			"the file is too large; allowed: %u bytes", DOCUMENT_BYTES_MAX);
	} else if (r == 0) {
		copy = malloc(len + 1);
		r = copy ? 0 : -ENOMEM;
		if (copy) {
			memcpy(copy, text, len);
			copy[len] = '\0';
			r = loader_add(&l, name, copy, len);
		}
	}
	return loader_finish(&l, r, ret);
}
