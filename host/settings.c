/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desired x actual. Diff reads and compares; apply does the same and then writes what differs, in the
 * order of the kinds: original saved, written, read back. A setting that can't be had is a result with
 * a reason, never a failure: the machine is told about, not fought.
 */
#include "host/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io.h"
#include "host/originals.h"
#include "host/setting-kind.h"

#define WRITES_MAX \
	4 /* of one setting, while each brings it nearer: a pool grows as memory is freed */

struct target {
	const struct setting_kind *kind;
	const char *rest; /* of the setting's name, behind the kind's prefix */
	const char *root;
	char path[PATH_MAX]; /* with the root */
};

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

static int judge(struct setting_state *s, enum setting_result result, const char *reason) {
	s->result = result;
	return replace(&s->reason, reason);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static int find_target(const char *setting, const char *root, struct target *ret) {
	char path[PATH_MAX];
	int r;

	*ret = (struct target){ .root = root ? root : "" };
	ret->kind = setting_kind_find(setting, &ret->rest);
	if (!ret->kind)
		return -EINVAL;
	r = ret->kind->path(ret->rest, path);
	if (r < 0)
		return r;
	return snprintf(ret->path, PATH_MAX, "%s%s", ret->root, path) < PATH_MAX ? 0
										 : -ENAMETOOLONG;
}

static int read_value(const struct target *t, char **ret) {
	_cleanup_free_ char *text = NULL;
	int r = read_file(t->path, SETTING_VALUE_MAX - 1, &text, NULL);

	if (r < 0)
		return r;
	t->kind->decode(text);
	*ret = TAKE(text);
	return 0;
}

static bool is_forbidden(int error) {
	return error == -EACCES || error == -EPERM;
}

/* Does the file itself lack these permissions, for root as well? */
static bool lacks_mode(const struct target *t, mode_t mode) {
	struct stat st;

	return stat(t->path, &st) == 0 && (st.st_mode & mode) == 0;
}

/* A file that isn't there means that the setting doesn't apply; one that can't be read may drift. */
static int judge_unreadable(struct setting_state *s, const struct target *t, int error) {
	char reason[SETTING_REASON_MAX];

	if (error == -ENOENT || error == -ENOTDIR) {
		t->kind->explain_missing(t->root, t->rest, reason);
		return judge(s, SETTING_NOT_APPLICABLE, reason);
	}
	if (is_forbidden(error) && lacks_mode(t, 0444))
		return judge(s, SETTING_NOT_APPLICABLE,
			"it can be written, but not read: an action rather than a setting, and left "
			"alone");
	snprintf(reason, sizeof(reason), "%.200s can't be read: %s%s", t->path, strerror(-error),
		is_forbidden(error) ? "; try as root" : "");
	return judge(s, SETTING_DRIFT, reason);
}

static int judge_different(struct setting_state *s, const struct target *t) {
	char cause[SETTING_REASON_MAX], reason[SETTING_REASON_MAX * 2];

	if (!*s->actual)
		return judge(s, SETTING_DRIFT,
			"it reads empty: an action rather than a setting, and left alone");
	if (lacks_mode(t, 0222))
		return judge(s, SETTING_DRIFT, "this kernel lets nobody change it");
	if (!s->original)
		return judge(s, SETTING_DRIFT,
			"not applied yet, refused, or changed since: `rtmemctl apply` sets it, or "
			"says why not");
	t->kind->explain_short(s->wanted, s->actual, cause);
	snprintf(reason, sizeof(reason),
		"rtmem has set it before; either the wish is new, and `rtmemctl apply` sets it, or %s",
		cause);
	return judge(s, SETTING_DRIFT, reason);
}

static int compare(struct setting_state *s, const struct target *t) {
	_cleanup_free_ char *actual = NULL;
	int r = read_value(t, &actual);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return judge_unreadable(s, t, r);
	free(s->actual);
	s->actual = TAKE(actual);
	if (t->kind->same(s->wanted, s->actual))
		return judge(s, SETTING_OK, "");
	return judge_different(s, t);
}

static int state_init(struct setting_state *s, const struct host_wish *wish, const char *root,
	const char *state_dir) {
	struct target target;
	int r;

	s->place = wish->place;
	s->setting = strdup(wish->setting);
	s->wanted = strdup(wish->wanted);
	s->actual = strdup("");
	if (!s->setting || !s->wanted || !s->actual)
		return -ENOMEM;
	r = find_target(s->setting, root, &target);
	if (r < 0)
		return judge(s, SETTING_NOT_APPLICABLE, "rtmem knows no setting of this name");
	r = original_load(state_dir, s->setting, &s->original);
	if (r == -ENOMEM)
		return r;
	return compare(s, &target);
}

int settings_diff(const struct policy_set *set, const char *root, const char *state_dir,
	struct settings *ret) {
	_cleanup_settings_ struct settings all = { 0 };

	all.items = calloc(set->n_wishes ? set->n_wishes : 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; i < set->n_wishes; i++) {
		int r;

		all.n_items = i + 1;
		r = state_init(&all.items[i], &set->wishes[i], root, state_dir);
		if (r < 0)
			return r;
	}
	*ret = all;
	all = (struct settings){ 0 };
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int judge_refused(struct setting_state *s, const struct target *t, int error) {
	const char *cause = "";
	char reason[SETTING_REASON_MAX];

	if (is_forbidden(error) && lacks_mode(t, 0222))
		cause = "; this kernel lets nobody change it";
	else if (is_forbidden(error))
		cause = "; it takes root of the machine itself, not of a container";
	else if (error == -EROFS)
		cause = "; it's mounted read-only, as in a container: apply it on the machine itself";
	else if (error == -EINVAL || error == -ERANGE)
		cause = "; the kernel doesn't take this value";
	snprintf(reason, sizeof(reason), "%.200s can't be written: %s%s", t->path, strerror(-error),
		cause);
	return judge(s, SETTING_DRIFT, reason);
}

static int judge_unsaved(struct setting_state *s, const char *state_dir, int error) {
	char reason[SETTING_REASON_MAX];

	snprintf(reason, sizeof(reason),
		"not written, because its original value can't be saved in %.200s/host: %s",
		state_dir, strerror(-error));
	return judge(s, SETTING_DRIFT, reason);
}

/* Writes until the value is there or a further write changes nothing any more. *ret_refused: what
 * the first write() said, 0 if it went through. */
static int write_and_read_back(struct setting_state *s, const struct target *t, int *ret_refused) {
	char reason[SETTING_REASON_MAX];

	for (int i = 0; i < WRITES_MAX; i++) {
		_cleanup_free_ char *before = strdup(s->actual);
		int r;

		if (!before)
			return -ENOMEM;
		r = write_line_file(t->path, s->wanted);
		if (i == 0)
			*ret_refused = r;
		if (r < 0)
			break;
		r = compare(s, t);
		if (r < 0 || s->result == SETTING_OK)
			return r;
		if (strcmp(before, s->actual) == 0)
			break;
	}
	if (*ret_refused < 0)
		return 0;
	t->kind->explain_short(s->wanted, s->actual, reason);
	return judge(s, SETTING_DRIFT, reason);
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

static int apply_one(
	struct setting_state *s, const struct target *t, const char *state_dir, size_t *n_written) {
	int r, refused;
	bool first;

	/* what can't be read can't be put back either */
	if (s->result != SETTING_DRIFT || !*s->actual)
		return 0;
	r = keep_original(s, state_dir, &first);
	if (r < 0)
		return judge_unsaved(s, state_dir, r);
	r = write_and_read_back(s, t, &refused);
	if (r < 0)
		return r;
	if (refused == 0) {
		(*n_written)++;
		return 0;
	}
	if (first)
		forget_original(s, state_dir);
	return judge_refused(s, t, refused);
}

int settings_apply(const struct policy_set *set, const char *root, const char *state_dir,
	struct settings *ret, size_t *n_written) {
	_cleanup_settings_ struct settings all = { 0 };
	int r;

	*n_written = 0;
	r = settings_diff(set, root, state_dir, &all);
	for (size_t kind = 0; kind < n_setting_kinds && r == 0; kind++) {
		for (size_t i = 0; i < all.n_items && r == 0; i++) {
			struct target target;

			if (find_target(all.items[i].setting, root, &target) < 0 ||
				target.kind != &setting_kinds[kind])
				continue;
			r = apply_one(&all.items[i], &target, state_dir, n_written);
		}
	}
	if (r < 0)
		return r;
	*ret = all;
	all = (struct settings){ 0 };
	return 0;
}
