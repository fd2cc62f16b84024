/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A round begins with who is there; a thread whose number was given to another one shows by its stack.
 * Then the unused part of one stack after the other is searched from below, as far as the budget goes,
 * and the next round goes on from there. Depth is never forgotten while the thread lives.
 */
#include "daemon/watch/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "host/mapping.h"
#include "host/process.h"

struct round {
	struct stacks *stacks;
	pid_t pid;
	int maps;
};

void stacks_done(struct stacks *s) {
	free(s->items);
	*s = (struct stacks){ .n_items = 0 };
}

static struct stack *find_row(const struct stacks *s, pid_t tid) {
	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].tid == tid)
			return &s->items[i];
	return NULL;
}

static struct stack *add_row(struct stacks *s, pid_t tid) {
	struct stack *grown;

	if (s->n_items == STACKS_MAX)
		return NULL;
	grown = realloc(s->items, (s->n_items + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	s->items = grown;
	s->items[s->n_items] = (struct stack){ .tid = tid };
	return &s->items[s->n_items++];
}

static void set_range(struct stack *row, const struct stack_range *range) {
	row->range = *range;
	row->deepest = range->end;
	row->next = range->start;
	row->known = false;
}

/* The main stack grows downwards: what was known of it stays true. */
static bool has_grown(const struct stack *row, const struct stack_range *range) {
	return row->range.end == range->end && range->start < row->range.start;
}

static int look_at_thread(pid_t tid, const char *name, void *userdata) {
	const struct round *round = userdata;
	struct stack *row = find_row(round->stacks, tid);
	struct stack_range range;

	if (stack_find(round->pid, tid, round->maps, &range) < 0)
		range = row ? row->range
			    : (struct stack_range){ 0, 0 }; /* known, but runs just now */
	if (range.end == 0)
		return 0;
	if (!row)
		row = add_row(round->stacks, tid);
	if (!row)
		return 1;
	row->alive = true;
	row->ours = name && !strcmp(name, RTMEM_INIT_THREAD);
	if (has_grown(row, &range)) {
		row->range.start = row->next = range.start;
		row->known = false;
	} else if (row->range.start != range.start || row->range.end != range.end) {
		set_range(row, &range);
	}
	return 0;
}

static void remove_ended(struct stacks *s) {
	size_t kept = 0;

	for (size_t i = 0; i < s->n_items; i++) {
		if (!s->items[i].alive)
			continue;
		s->items[kept] = s->items[i];
		s->items[kept++].alive = false;
	}
	s->n_items = kept;
}

/* Memory that several threads share isn't the stack of any of them. */
static bool is_shared(const struct stacks *s, const struct stack *row) {
	for (size_t i = 0; i < s->n_items; i++)
		if (&s->items[i] != row && s->items[i].range.start == row->range.start)
			return true;
	return false;
}

static void search(struct stack *row, pid_t pid, int pages, size_t *budget_bytes) {
	uint64_t address = row->next;
	int r = stack_scan(pid, pages, row->next, row->deepest, budget_bytes, &address);

	if (r < 0)
		return;
	if (r == 0 && address < row->deepest) { /* the budget ended */
		row->next = address;
		return;
	}
	row->deepest = address;
	row->next = row->range.start;
	row->known = true;
}

void stacks_look(struct stacks *s, pid_t pid, size_t *budget_bytes) {
	_cleanup_close_ int maps = mapping_open(pid), pages = stack_open_pages(pid);
	struct round round = { s, pid, maps };

	if (maps < 0 || pages < 0)
		return;
	(void)process_threads(pid, look_at_thread, &round);
	remove_ended(s);
	for (size_t n = s->n_items; n > 0 && *budget_bytes > 0; n--) {
		struct stack *row = &s->items[s->next % s->n_items];

		if (!is_shared(s, row))
			search(row, pid, pages, budget_bytes);
		if (*budget_bytes > 0)
			s->next = (s->next + 1) % s->n_items;
	}
}

const struct stack *stacks_find(const struct stacks *s, pid_t tid) {
	const struct stack *row = find_row(s, tid);

	return row && row->known ? row : NULL;
}

const struct stack *stacks_tightest(const struct stacks *s) {
	const struct stack *tightest = NULL;

	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].known && !s->items[i].ours &&
			(!tightest || stack_left(&s->items[i]) < stack_left(tightest)))
			tightest = &s->items[i];
	return tightest;
}
