/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl plan: what a launch would do, step by step and in the order it would be done, and how much
 * memory the process will have locked, worked out line by line. Both come from the functions that
 * rtmemd itself calls.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/outlook.h"
#include "ctl/policies.h"
#include "ctl/settings-view.h"

struct view {
	const char *runtime_dir; /* of the rtmemd that would do it */
	const struct policy_set *set;
	const struct process_policy *only; /* NULL = all, and the machine */
	struct settings settings;
	bool has_problem;
};

static bool is_shown(const struct view *v, const struct process_policy *p) {
	return !v->only || v->only == p;
}

static int print_people(struct view *v) {
	for (size_t i = 0; i < v->set->n_processes; i++) {
		_cleanup_outlook_ struct outlook outlook = { 0 };
		int r;

		if (!is_shown(v, &v->set->processes[i]))
			continue;
		r = outlook_make(v->set, &v->set->processes[i], v->runtime_dir, &outlook);
		if (r == 0)
			r = outlook_print(&outlook, stdout);
		if (r < 0)
			return r;
		v->has_problem = v->has_problem || outlook.problem.text[0];
	}
	if (v->only)
		return 0;
	if (strv_length(v->set->files) == 0)
		printf("no policy files (*.yaml) found: nothing to do\n");
	printf("machine: %zu setting%s wanted\n", v->settings.n_items,
		v->settings.n_items == 1 ? "" : "s");
	return settings_print(&v->settings, true, stdout, 2);
}

static int print_json(struct view *v) {
	struct json j;

	json_init(&j, stdout, 2);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	json_array_begin(&j, "processes");
	for (size_t i = 0; i < v->set->n_processes; i++) {
		_cleanup_outlook_ struct outlook outlook = { 0 };
		int r;

		if (!is_shown(v, &v->set->processes[i]))
			continue;
		r = outlook_make(v->set, &v->set->processes[i], v->runtime_dir, &outlook);
		if (r < 0)
			return r;
		outlook_print_json(&outlook, &j);
		v->has_problem = v->has_problem || outlook.problem.text[0];
	}
	json_array_end(&j);
	if (!v->only)
		settings_print_json(&v->settings, NULL, &j);
	json_object_end(&j);
	return 0;
}

int verb_plan(const struct options *o, int argc, char *argv[]) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	struct view view = { 0 };
	int r = policies_load(o, NULL, &set, EXIT_NOT_GOOD);

	if (r != 0)
		return r;
	view.set = set;
	view.runtime_dir = o->runtime_dir;
	if (argc > 0) {
		view.only = policy_set_find(set, argv[0]);
		if (!view.only)
			return policies_unknown(set, argv[0], EXIT_NOT_GOOD);
	}
	if (!o->json && geteuid() != 0)
		printf("made with the rights of user %u; rtmemd, as root, may do more\n\n",
			(unsigned)geteuid());
	r = settings_diff(set, o->root, o->state_dir, &view.settings);
	if (r == 0)
		r = o->json ? print_json(&view) : print_people(&view);
	settings_done(&view.settings);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "can't make the plan");
	return view.has_problem ? EXIT_NOT_GOOD : EXIT_GOOD;
}
