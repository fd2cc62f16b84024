/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `after` names processes of the whole set, so it's looked at when all files are read. A name that nobody
 * has is a slip; a circle would have each wait for the others. A circle is complained about once, at the
 * first of its processes, wherever the walk came into it.
 */
#include "libpolicy/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/suggest.h"

enum colour {
	WHITE, /* not seen yet */
	GREY, /* on the way that is being walked */
	BLACK, /* leads into no circle, or into one that's known */
};

struct step {
	size_t process;
	size_t next; /* of its `after` */
};

struct walk {
	const struct policy_set *set;
	struct diagnostics *diagnostics;
	unsigned char *colours; /* of each process */
	struct step *way; /* as many as there are processes: each is on it once at most */
	size_t depth;
};

/* The first of that name. */
static size_t find(const struct policy_set *s, const char *name) {
	const struct process_policy *p = policy_set_find(s, name);

	return p ? (size_t)(p - s->processes) : s->n_processes;
}

static void complain_unknown(const struct policy_set *s, const struct process_policy *p,
	const char *name, struct diagnostics *d) {
	struct suggestion near = { .wanted = name };
	char text[QUOTE_MAX];

	diagnostics_add(d, &p->after_place, DIAG_UNKNOWN_PROCESS,
		"after names %s, but there's no such process; allowed: names of processes in any file of the policy",
		quote(name, text));
	for (size_t i = 0; i < s->n_processes; i++)
		if (&s->processes[i] != p)
			suggest_offer(&near, s->processes[i].name);
	if (near.best)
		diagnostics_hint(d, "did you mean \"%s\"?", near.best);
}

static void complain_cycle(const struct walk *w, size_t first) {
	const struct process_policy *list = w->set->processes;
	size_t from = 0, used = 0;
	char chain[256] = "";

	while (w->way[from].process != first)
		from++;
	for (size_t i = from; i < w->depth && used < sizeof(chain); i++)
		used += (size_t)snprintf(
			chain + used, sizeof(chain) - used, "%s -> ", list[w->way[i].process].name);
	diagnostics_add(w->diagnostics, &list[first].after_place, DIAG_AFTER_CYCLE,
		"processes wait for one another in a circle: %s%s; allowed: chains that end", chain,
		list[first].name);
	if (from + 1 == w->depth)
		diagnostics_hint(w->diagnostics,
			"if that comes from a profile or from defaults: after: [] in %s",
			list[first].name);
}

static void enter(struct walk *w, size_t process) {
	w->colours[process] = GREY;
	w->way[w->depth++] = (struct step){ .process = process };
}

/* One step further, or one back. Not by recursion: a chain may be as long as the policy. */
static void advance(struct walk *w) {
	struct step *top = &w->way[w->depth - 1];
	char **after = w->set->processes[top->process].after;
	const char *name = after ? after[top->next] : NULL;
	size_t other;

	if (!name) {
		w->colours[top->process] = BLACK;
		w->depth--;
		return;
	}
	top->next++;
	other = find(w->set, name);
	if (other == w->set->n_processes)
		return; /* complained about elsewhere */
	if (w->colours[other] == GREY)
		complain_cycle(w, other);
	else if (w->colours[other] == WHITE)
		enter(w, other);
}

static int find_cycles(const struct policy_set *s, struct diagnostics *d) {
	_cleanup_free_ unsigned char *colours = calloc(s->n_processes + 1, 1);
	_cleanup_free_ struct step *way = calloc(s->n_processes + 1, sizeof(*way));
	struct walk w = { .set = s, .diagnostics = d, .colours = colours, .way = way };

	if (!colours || !way)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_processes; i++) {
		if (colours[i] != WHITE)
			continue;
		enter(&w, i);
		while (w.depth > 0)
			advance(&w);
	}
	return 0;
}

int validate_order(const struct policy_set *s, struct diagnostics *d) {
	bool any = false;

	for (size_t i = 0; i < s->n_processes; i++)
		STRV_FOREACH (name, s->processes[i].after) {
			any = true;
			if (!policy_set_find(s, *name))
				complain_unknown(s, &s->processes[i], *name, d);
		}
	return any ? find_cycles(s, d) : 0;
}
