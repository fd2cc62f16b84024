/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl diff: settings of this machine, wanted against actual. Reads only, needs no daemon. */
#include <stdio.h>

#include "ctl/policies.h"
#include "ctl/settings-view.h"

static int print_json(const struct settings *s) {
	struct json j;

	json_init(&j, stdout, 2);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	settings_print_json(s, &j);
	json_object_end(&j);
	return 0;
}

static int print_people(const struct settings *s, bool all) {
	size_t n_drift = settings_count(s, SETTING_DRIFT);
	int r = settings_print(s, all, stdout, 0);

	if (s->n_items == 0)
		printf("no policy wants a setting of this machine\n");
	else if (n_drift == 0)
		printf("%zu setting%s wanted: no difference\n", s->n_items,
			s->n_items == 1 ? "" : "s");
	return r;
}

int verb_diff(const struct options *o, int argc, char *argv[]) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_settings_ struct settings settings = { 0 };
	int r = policies_load(o, NULL, &set, EXIT_NOT_GOOD);

	if (r != 0)
		return r;
	r = settings_diff(set, o->root, o->state_dir, &settings);
	if (r == 0)
		r = o->json ? print_json(&settings) : print_people(&settings, o->all);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "can't compare");
	return settings_count(&settings, SETTING_DRIFT) ? EXIT_NOT_GOOD : EXIT_GOOD;
}
