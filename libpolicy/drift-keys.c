/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `host.drift`: what is done about a setting that somebody else changes. A word for all settings of the
 * file, or a mapping of settings to words, in which `default` stands for the rest. Other keys may come
 * before it or behind it, so that what it says is worked out when the file is read to its end.
 */
#include <errno.h>
#include <string.h>

#include "libpolicy/host-keys.h"
#include "libpolicy/names.h"
#include "libpolicy/wish.h"

static void add_word(struct reader *r, const struct field *f, const struct node *n,
	const struct place *place, const char *setting, struct file_policy *file) {
	if (!check_field_scalar(r, f, n))
		return;
	if (!enum_find(f->names, n->text))
		reject_value(r, f, n, DIAG_BAD_VALUE);
	else if (wish_append(&file->drifts, &file->n_drifts, setting, n->text, place) < 0)
		r->error = -ENOMEM;
}

static void read_one(struct reader *r, const struct field *f, const struct entry *e, void *base) {
	if (e->value->kind != NODE_REFUSED)
		add_word(r, f, e->value, &e->key->place, e->key->text, base);
}

void read_drift(struct reader *r, const struct field *f, const struct node *n, void *base) {
	if (n->kind == NODE_MAPPING)
		read_entries(r, f, n, base, read_one);
	else
		add_word(r, f, n, &n->place, DRIFT_DEFAULT, base);
}

static bool is_reapply(const struct host_wish *drift) {
	return drift && strcmp(drift->wanted, "reapply") == 0;
}

/* A setting of no wish would be watched in vain: most likely its name is misspelt. */
static void complain_unused(
	const struct file_policy *file, const struct host_wish *drift, struct diagnostics *d) {
	char text[QUOTE_MAX];

	diagnostics_add(d, &drift->place, DIAG_DRIFT_UNUSED,
		"%s isn't a setting that this file sets; allowed: default, and names as `rtmemctl "
		"diff` shows them",
		quote(drift->setting, text));
	for (size_t i = 0; i < file->n_wishes; i++)
		if (strstr(file->wishes[i].setting, drift->setting))
			diagnostics_hint(d, "did you mean %s?", file->wishes[i].setting);
}

void resolve_drift(struct file_policy *file, struct diagnostics *d) {
	const struct host_wish *rest = wish_find(file->drifts, file->n_drifts, DRIFT_DEFAULT);

	for (size_t i = 0; i < file->n_wishes; i++) {
		const struct host_wish *own = wish_find(
			file->drifts, file->n_drifts, file->wishes[i].setting);

		file->wishes[i].reapply = is_reapply(own ? own : rest);
	}
	for (size_t i = 0; i < file->n_drifts; i++)
		if (&file->drifts[i] != rest &&
			!wish_find(file->wishes, file->n_wishes, file->drifts[i].setting))
			complain_unused(file, &file->drifts[i], d);
}
