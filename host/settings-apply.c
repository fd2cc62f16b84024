/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes what differs, in the order of the kinds: original saved, written, read back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "host/originals.h"
#include "host/setting.h"
#include "host/settings.h"

static int judge_unsaved(struct setting_state *s, const char *state_dir, int error) {
	char reason[SETTING_REASON_MAX];

	snprintf(reason, sizeof(reason),
		"not written, because its original value can't be saved in %.200s/host: %s",
		state_dir, strerror(-error));
	return setting_state_judge(s, SETTING_DRIFT, reason);
}

/* The original is safe before anything is written. *ret_new: it's the first write of this setting. */
static int keep_original(struct setting_state *s, const char *state_dir, bool *ret_new) {
	int r;

	*ret_new = !s->original;
	if (!*ret_new || !state_dir)
		return 0;
	r = original_save(state_dir, s->setting, s->actual);
	return r < 0 ? r : original_load(state_dir, s->setting, &s->original);
}

static void forget_original(struct setting_state *s, const char *state_dir) {
	if (state_dir)
		original_discard(state_dir, s->setting);
	free(s->original);
	s->original = NULL;
}

static int read_back(struct setting_state *s, const char *root) {
	char reason[SETTING_REASON_MAX];
	int r = setting_state_compare(s, root);

	if (r < 0 || s->result != SETTING_DRIFT || !*s->actual)
		return r;
	setting_explain_short(root, s->setting, s->wanted, s->actual, reason);
	return setting_state_judge(s, SETTING_DRIFT, reason);
}

static int apply_one(
	struct setting_state *s, const char *root, const char *state_dir, size_t *n_written) {
	char reason[SETTING_REASON_MAX];
	bool first;
	int r;

	/* what can't be read can't be put back either */
	if (s->result != SETTING_DRIFT || s->report || !*s->actual)
		return 0;
	r = keep_original(s, state_dir, &first);
	if (r < 0)
		return judge_unsaved(s, state_dir, r);
	if (setting_write(root, s->setting, s->wanted, reason) == 0) {
		(*n_written)++;
		return read_back(s, root);
	}
	r = setting_state_compare(s, root);
	/* a part of it may be done */
	if (first && s->original && setting_same(s->setting, s->original, s->actual))
		forget_original(s, state_dir);
	return r < 0 ? r : setting_state_judge(s, SETTING_DRIFT, reason);
}

int settings_apply(const struct policy_set *set, const char *root, const char *state_dir,
	struct settings *ret, size_t *n_written) {
	_cleanup_settings_ struct settings all = { 0 };
	_cleanup_free_ size_t *order = NULL;
	int r;

	*n_written = 0;
	r = settings_diff(set, root, state_dir, &all);
	if (r == 0)
		r = settings_in_order(&all, &order);
	for (size_t i = 0; i < all.n_items && r == 0; i++)
		r = apply_one(&all.items[order[i]], root, state_dir, n_written);
	if (r < 0)
		return r;
	*ret = all;
	all = (struct settings){ 0 };
	return 0;
}
