/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl diff: settings of this machine, wanted against actual, and who else claims them. Reads only,
 * needs no daemon; --root reads the files of another machine instead.
 */
#include <stdio.h>

#include "common/strv.h"
#include "ctl/policies.h"
#include "ctl/settings-view.h"

struct view {
	struct settings settings;
	struct claims claims;
};

static void view_done(struct view *v) {
	settings_done(&v->settings);
	claims_done(&v->claims);
}

static int print_json(const struct view *v) {
	struct json j;

	json_init(&j, stdout, 2);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	settings_print_json(&v->settings, &v->claims, &j);
	json_object_end(&j);
	return 0;
}

static int print_people(const struct options *o, const struct view *v) {
	const struct settings *s = &v->settings;
	size_t n_drift = settings_count(s, SETTING_DRIFT);
	int r = settings_print(s, o->all, stdout, 0);

	if (s->n_items == 0)
		printf("no policy wants a setting of this machine\n");
	else if (n_drift == 0)
		printf("%zu setting%s wanted: no difference\n", s->n_items,
			s->n_items == 1 ? "" : "s");
	(void)settings_print_owners(s, &v->claims, o->all, stdout, 0);
	if (o->config_of_root)
		printf("\nwanted by the policies below %s; --config-dir compares others\n",
			o->root);
	return r;
}

/* The policies that rtmemd would read there, beside those that are compared. What's wrong with them is
 * for `check` to tell. */
static int add_installed_policies(const struct options *o, struct claims *claims) {
	static const char *const usual[] = { RTMEM_CONFIG_DIRS, NULL };
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_strv_ char **directories = NULL;
	int r = 0;

	STRV_FOREACH (directory, usual) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", o->root, *directory) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = strv_append(&directories, path);
		if (r < 0)
			return r;
	}
	r = policy_set_load(directories, 0, &set, &d);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return claims_add_policies(set, claims);
}

int verb_diff(const struct options *o, int argc, char *argv[]) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	CLEANUP(view_done) struct view view = { .settings.n_items = 0 };
	int r = policies_load(o, NULL, &set, EXIT_NOT_GOOD);

	if (r != 0)
		return r;
	r = settings_diff(set, o->root, o->state_dir, &view.settings);
	if (r == 0)
		r = claims_load(o->root, &view.claims);
	if (r == 0)
		r = add_installed_policies(o, &view.claims);
	if (r == 0)
		r = o->json ? print_json(&view) : print_people(o, &view);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "can't compare");
	return settings_count(&view.settings, SETTING_DRIFT) ? EXIT_NOT_GOOD : EXIT_GOOD;
}
