/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/json.h"
#include "ctl/policies.h"
#include "ctl/settings-view.h"
#include "host/guard.h"

static int on_try(const struct transaction *t) {
	pid_t pid = guard_start(t);

	return pid < 0 ? (int)pid : 0;
}

struct transaction local_transaction(const struct options *o) {
	return (struct transaction){ .root = o->root, .state_dir = o->state_dir, .on_try = on_try };
}

static const char *result_of(const struct options *o, const struct host_writes *w) {
	if (w->n_items == host_writes_count(w, WRITE_LEFT))
		return "unchanged";
	return o->dry_run ? "planned" : "applied";
}

static int print_document(const struct options *o, const struct settings *s,
	const struct host_writes *w, const char *problem, FILE *out) {
	struct json j;

	json_init(&j, out, 0);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	json_string(&j, "result", result_of(o, w));
	json_string(&j, "problem", problem);
	settings_print_json(s, NULL, &j);
	host_writes_json(&j, w);
	json_object_end(&j);
	return ferror(out) ? -ENOMEM : 0;
}

static int apply_document(const struct options *o, const struct settings *s,
	const struct host_writes *w, const char *problem, char **ret_text) {
	size_t size = 0;
	FILE *out = open_memstream(ret_text, &size);
	int r = out ? print_document(o, s, w, problem, out) : -ENOMEM;

	if (out && fclose(out) != 0)
		r = -ENOMEM;
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, "can't tell what was done") : 0;
}

int local_apply(const struct options *o, bool *ret_changed, char **ret_text) {
	const struct transaction t = local_transaction(o);
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_settings_ struct settings settings = { 0 };
	_cleanup_host_writes_ struct host_writes writes = { 0 };
	char problem[SETTING_REASON_MAX];
	unsigned flags = (o->dry_run ? APPLY_DRY_RUN : 0u) | (o->at_boot ? APPLY_UNATTENDED : 0u);
	int r = policies_load(o, NULL, &set, EXIT_NOT_GOOD);

	if (r != 0)
		return r;
	r = transaction_apply(&t, set, flags, o->try_usec, &settings, &writes, problem);
	if (r < 0)
		return fail(EXIT_NOT_GOOD, "nothing was written: %s", problem);
	*ret_changed = writes.n_items > host_writes_count(&writes, WRITE_LEFT);
	return apply_document(o, &settings, &writes, problem, ret_text);
}

static int back_document(int r, const char *result, const struct host_writes *w,
	const char *problem, char **ret_text) {
	if (r < 0)
		return fail(EXIT_NOT_GOOD, "nothing was written: %s", problem);
	r = host_writes_document(result, w, problem, ret_text);
	return r < 0 ? fail_errno(EXIT_CANT_TELL, r, "can't tell what was done") : 0;
}

int local_rollback(const struct options *o, bool force, char **ret_text) {
	const struct transaction t = local_transaction(o);
	_cleanup_host_writes_ struct host_writes writes = { 0 };
	char problem[SETTING_REASON_MAX];
	int r = transaction_rollback(&t, force, &writes, problem);

	return back_document(
		r, writes.n_items ? "rolled-back" : "unchanged", &writes, problem, ret_text);
}

int local_revert(const struct options *o, bool only_due, char **ret_text) {
	const struct transaction t = local_transaction(o);
	_cleanup_host_writes_ struct host_writes writes = { 0 };
	char problem[SETTING_REASON_MAX];
	int r = transaction_revert(&t, only_due, &writes, problem);

	return back_document(
		r, writes.n_items ? "reverted" : "unchanged", &writes, problem, ret_text);
}

int local_confirm(const struct options *o, char **ret_text) {
	const struct transaction t = local_transaction(o);
	const struct host_writes none = { 0 };
	char problem[SETTING_REASON_MAX];
	size_t n;
	int r = transaction_confirm(&t, &n, problem);

	if (r < 0)
		return fail(EXIT_NOT_GOOD, "%s", problem);
	return back_document(0, "confirmed", &none, problem, ret_text);
}
