/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reference is complained about when the mapping that holds it is looked at for itself, not each
 * time somebody inherits it. Repetitions count towards the limit, so that profiles that inherit one
 * another twice can't grow without bound.
 */
#include "libpolicy/inherit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/names.h"
#include "libpolicy/suggest.h"

struct walk {
	struct layers *layers;
	const struct profiles *profiles;
	struct diagnostics *diagnostics;
	const struct node *stack[INHERITS_MAX + 1]; /* from the start to the mapping at hand */
	const char *names[INHERITS_MAX + 1]; /* of the profiles on the stack; [0] is NULL */
	size_t depth;
	bool full;
};

int profiles_append(struct profiles *p, const char *name, const struct node *n) {
	struct profile *grown = reallocarray(p->items, p->n_items + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->items = grown;
	grown[p->n_items++] = (struct profile){ .name = name, .node = n };
	return 0;
}

void profiles_done(struct profiles *p) {
	free(p->items);
	*p = (struct profiles){ 0 };
}

static const struct profile *find(const struct profiles *p, const char *name) {
	for (size_t i = 0; i < p->n_items; i++)
		if (strcmp(p->items[i].name, name) == 0)
			return &p->items[i];
	return NULL;
}

static void complain_unknown(struct walk *w, const struct node *reference) {
	struct suggestion s = { .wanted = reference->text };
	char text[QUOTE_MAX];

	diagnostics_add(w->diagnostics, &reference->place, DIAG_UNKNOWN_PROFILE,
		"there's no profile %s; allowed: names of profiles in any file of the policy",
		quote(reference->text, text));
	for (size_t i = 0; i < w->profiles->n_items; i++)
		suggest_offer(&s, w->profiles->items[i].name);
	if (s.best)
		diagnostics_hint(w->diagnostics, "did you mean \"%s\"?", s.best);
}

static void complain_cycle(struct walk *w, const struct node *reference) {
	char chain[256] = "";
	size_t used = 0;

	for (size_t i = 1; i < w->depth && used < sizeof(chain); i++)
		used += (size_t)snprintf(chain + used, sizeof(chain) - used, "%s -> ", w->names[i]);
	diagnostics_add(w->diagnostics, &reference->place, DIAG_INHERITS_CYCLE,
		"profiles inherit in a circle: %s -> %s%s; allowed: chains that end",
		reference->text, chain, reference->text);
}

static void complain_full(struct walk *w, const struct node *reference) {
	if (!w->full)
		diagnostics_add(w->diagnostics, &reference->place, DIAG_INHERITS_TOO_MANY,
			"too many profiles; allowed: %d in all, with those that they inherit",
			INHERITS_MAX);
	w->full = true;
}

static bool is_on_stack(const struct walk *w, const struct node *n) {
	for (size_t i = 0; i < w->depth; i++)
		if (w->stack[i] == n)
			return true;
	return false;
}

static void add(struct walk *w, const struct node *n, const char *name);

static void follow(struct walk *w, const struct node *reference) {
	const struct profile *p;

	if (reference->kind != NODE_SCALAR || w->full)
		return;
	p = find(w->profiles, reference->text);
	if (!p && w->depth == 1 && process_name_is_valid(reference->text))
		complain_unknown(w, reference);
	else if (p && p->node == w->stack[0])
		complain_cycle(w, reference);
	else if (p && !is_on_stack(w, p->node) && w->layers->n_inherited == INHERITS_MAX)
		complain_full(w, reference);
	else if (p && !is_on_stack(w, p->node)) {
		w->layers->n_inherited++;
		add(w, p->node, p->name);
	}
}

/* A layer that comes again overrides all that it said before, so only its last place counts. */
static void put_on_top(struct layers *l, const struct node *n) {
	size_t kept = 0;

	for (size_t i = 0; i < l->n_nodes; i++)
		if (l->nodes[i] != n)
			l->nodes[kept++] = l->nodes[i];
	l->nodes[kept++] = n;
	l->n_nodes = kept;
}

/* The depth is bounded, because every level counts as inherited. */
static void add(struct walk *w, const struct node *n, const char *name) {
	const struct node *inherits = node_find(n, "inherits");

	w->names[w->depth] = name;
	w->stack[w->depth++] = n;
	if (inherits && inherits->kind == NODE_SCALAR)
		follow(w, inherits);
	for (size_t i = 0; inherits && inherits->kind == NODE_SEQUENCE && i < inherits->n_entries;
		i++)
		follow(w, inherits->entries[i].value);
	w->depth--;
	put_on_top(w->layers, n);
}

void layers_add(
	struct layers *l, const struct profiles *p, const struct node *n, struct diagnostics *d) {
	struct walk w = { .layers = l, .profiles = p, .diagnostics = d };

	add(&w, n, NULL);
}

size_t layers_find(const struct layers *l, const char *key, const struct node **ret) {
	for (size_t i = l->n_nodes; i > 0; i--) {
		const struct node *n = node_find(l->nodes[i - 1], key);

		if (n) {
			*ret = n;
			return i;
		}
	}
	return 0;
}
