/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as the journal. What is accepted has a name and an original for each setting, none twice, and
 * survives being written and read: nothing that an original is restored from may change on the way.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "host/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
	if (!good)
		abort();
}

static bool same(const char *a, const char *b) {
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_entry(const struct journal *j, size_t i) {
	const struct journal_entry *e = &j->entries[i];

	check(e->setting && e->original);
	check(journal_find(j, e->setting) == e);
	check(strlen(e->boot) < BOOT_ID_MAX);
}

static void check_same(const struct journal *a, const struct journal *b) {
	check(a->n_entries == b->n_entries && a->n_held == b->n_held);
	check(a->try_deadline_usec == b->try_deadline_usec && a->rolling_back == b->rolling_back);
	for (size_t i = 0; i < a->n_entries; i++) {
		const struct journal_entry *x = &a->entries[i], *y = &b->entries[i];

		check(same(x->setting, y->setting) && same(x->original, y->original));
		check(same(x->wanted, y->wanted) && same(x->written, y->written));
		check(same(x->before, y->before) && same(x->prior, y->prior));
		check(x->pending == y->pending && x->fresh == y->fresh);
		check(x->returned == y->returned && strcmp(x->boot, y->boot) == 0);
	}
	for (size_t i = 0; i < a->n_held; i++)
		check(journal_find_held(b, a->held[i].setting, a->held[i].wanted) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	_cleanup_journal_ struct journal first = { 0 }, second = { 0 };
	_cleanup_free_ char *text = strndup((const char *)data, size), *again = NULL;

	check(text != NULL);
	if (journal_parse(text, &first) < 0)
		return 0;
	for (size_t i = 0; i < first.n_entries; i++)
		check_entry(&first, i);
	check(journal_to_text(&first, &again) == 0);
	check(journal_parse(again, &second) == 0);
	check_same(&first, &second);
	return 0;
}
