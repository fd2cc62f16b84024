/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_INHERIT_H
#define RTMEM_LIBPOLICY_INHERIT_H

/*
 * What a process consists of: mappings on top of one another, weakest first. The defaults of its
 * file, the profiles that it inherits from (depth first, the later wins), and its own keys.
 */
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/document.h"
#include "libpolicy/fields.h"

#define LAYERS_MAX (INHERITS_MAX + 2)

struct layers {
	const struct node *nodes[LAYERS_MAX];
	size_t n_nodes;
	size_t n_inherited;
};

/* All profiles of a set; several files may have the same name, which set.c complains about. */
struct profile {
	const char *name;
	const struct node *node;
};

struct profiles {
	struct profile *items;
	size_t n_items;
};

int profiles_append(struct profiles *p, const char *name, const struct node *n);
void profiles_done(struct profiles *p);

/** Puts what `n` inherits, then `n` itself, on top. A NULL `d` passes over bad references, which were
 *  complained about where they stand. */
void layers_add(
	struct layers *l, const struct profiles *p, const struct node *n, struct diagnostics *d);
/** Number of the strongest layer that has the key, from 1; 0 = none has it. */
size_t layers_find(const struct layers *l, const char *key, const struct node **ret);

#endif
