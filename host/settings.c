/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desired x actual: reads, compares and explains, and never writes. A setting that can't be had is a
 * result with a reason, never a failure: the machine is told about, not fought.
 */
#include "host/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/journal.h"
#include "host/setting-kind.h"

const char *setting_result_to_string(enum setting_result r) {
	static const char *const names[] = {
		[SETTING_OK] = "ok",
		[SETTING_DRIFT] = "drift",
		[SETTING_NOT_APPLICABLE] = "not-applicable",
	};

	return names[r];
}

static void state_done(struct setting_state *s) {
	free(s->setting);
	free(s->wanted);
	free(s->actual);
	free(s->original);
	free(s->written);
	free(s->reason);
}

void settings_done(struct settings *s) {
	for (size_t i = 0; i < s->n_items; i++)
		state_done(&s->items[i]);
	free(s->items);
	*s = (struct settings){ 0 };
}

static int replace(char **text, const char *value) {
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int setting_state_judge(struct setting_state *s, enum setting_result result, const char *reason) {
	s->result = result;
	return replace(&s->reason, reason);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool is_forbidden(int error) {
	return error == -EACCES || error == -EPERM;
}

/* A file that isn't there means that the setting doesn't apply; one that can't be read may drift. */
static int judge_unreadable(struct setting_state *s, const struct setting_target *t, int error) {
	char reason[SETTING_REASON_MAX];

	if (error == -ENOENT || error == -ENOTDIR) {
		t->kind->explain_missing(t, reason);
		return setting_state_judge(s, SETTING_NOT_APPLICABLE, reason);
	}
	if (is_forbidden(error) && setting_lacks_mode(t, 0444))
		return setting_state_judge(s, SETTING_NOT_APPLICABLE,
			"it can be written, but not read: an action rather than a setting, and left "
			"alone");
	snprintf(reason, sizeof(reason), "%.200s can't be read: %s%s", t->path, strerror(-error),
		is_forbidden(error) ? "; try as root" : "");
	return setting_state_judge(s, SETTING_DRIFT, reason);
}

static int judge_different(struct setting_state *s, const struct setting_target *t) {
	char cause[SETTING_REASON_MAX], reason[SETTING_REASON_MAX * 2];

	if (!*s->actual)
		return setting_state_judge(s, SETTING_DRIFT,
			"it reads empty: an action rather than a setting, and left alone");
	if (s->report)
		return setting_state_judge(
			s, SETTING_DRIFT, "the policy has this reported, and left as it is");
	if (setting_is_blocked(t, s->wanted, s->actual, cause))
		return setting_state_judge(s, SETTING_DRIFT, cause);
	if (!s->original)
		return setting_state_judge(s, SETTING_DRIFT,
			"not applied yet, refused, or changed since: `rtmemctl apply` sets it, or "
			"says why not");
	if (s->written && t->kind->same(s->wanted, s->written))
		return setting_state_judge(s, SETTING_DRIFT,
			"rtmem had set it, and somebody else has changed it since: `rtmemctl apply` "
			"sets it again");
	t->kind->explain_short(t, s->wanted, s->actual, cause);
	snprintf(reason, sizeof(reason),
		"rtmem has set it before; either the wish is new, and `rtmemctl apply` sets it, or %s",
		cause);
	return setting_state_judge(s, SETTING_DRIFT, reason);
}

static int compare(struct setting_state *s, const struct setting_target *t) {
	_cleanup_free_ char *actual = NULL;
	int r = setting_read(t->root, s->setting, &actual);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return judge_unreadable(s, t, r);
	free(s->actual);
	s->actual = TAKE(actual);
	if (t->kind->same(s->wanted, s->actual))
		return setting_state_judge(s, SETTING_OK, "");
	return judge_different(s, t);
}

int setting_state_compare(struct setting_state *s, const char *root) {
	struct setting_target target;

	if (setting_target_init(s->setting, root, &target) < 0)
		return setting_state_judge(
			s, SETTING_NOT_APPLICABLE, "rtmem knows no setting of this name");
	return compare(s, &target);
}

/* What is known of it beyond its value: the original, and why it isn't set at present. */
static int add_history(struct setting_state *s, const struct journal *j) {
	static const char *const reasons[] = {
		[HELD_TRIED] = "it was tried, and not confirmed in time: `rtmemctl apply` sets it",
		[HELD_ROLLED_BACK] = "it was rolled back: `rtmemctl apply` sets it again",
	};
	const struct journal_held *held = journal_find_held(j, s->setting, s->wanted);

	s->held = held != NULL;
	return held && s->result == SETTING_DRIFT && *s->actual
		? setting_state_judge(s, SETTING_DRIFT, reasons[held->cause])
		: 0;
}

static int add_written(struct setting_state *s, const struct journal_entry *e, const char *root) {
	char boot[BOOT_ID_MAX];

	boot_id_read(root, boot);
	return e->pending || journal_is_of_another_boot(e, boot)
		? 0
		: journal_set(&s->written, e->written);
}

static int state_init(struct setting_state *s, const struct host_wish *wish, const char *root,
	const struct journal *j) {
	const struct journal_entry *e = journal_find(j, wish->setting);
	int r;

	s->place = wish->place;
	s->setting = strdup(wish->setting);
	s->wanted = strdup(wish->wanted);
	s->actual = strdup("");
	if (!s->setting || !s->wanted || !s->actual)
		return -ENOMEM;
	s->report = setting_is_report(wish->setting, wish->wanted);
	r = journal_set(&s->original, e ? e->original : NULL);
	if (r == 0 && e)
		r = add_written(s, e, root);
	if (r == 0)
		r = setting_state_compare(s, root);
	return r < 0 ? r : add_history(s, j);
}

int settings_diff(const struct policy_set *set, const char *root, const char *state_dir,
	struct settings *ret) {
	_cleanup_settings_ struct settings all = { 0 };
	_cleanup_journal_ struct journal journal;

	/* without originals there's still all the rest to be told */
	if (journal_load(state_dir, &journal) == -ENOMEM)
		return -ENOMEM;
	all.items = calloc(set->n_wishes ? set->n_wishes : 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_wishes; i++) {
		int r;

		all.n_items = i + 1;
		r = state_init(&all.items[i], &set->wishes[i], root, &journal);
		if (r < 0)
			return r;
	}
	*ret = all;
	all = (struct settings){ 0 };
	return 0;
}

int settings_in_order(const struct settings *s, size_t **ret) {
	size_t *order = calloc(s->n_items ? s->n_items : 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	/* by insertion, so that equal ranks keep the order of the policy */
	for (size_t i = 0; i < s->n_items; i++) {
		int rank = setting_order(s->items[i].setting);
		size_t at = i;

		while (at > 0 && setting_order(s->items[order[at - 1]].setting) > rank) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
	}
	*ret = order;
	return 0;
}
