/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk: one table says which function does which kind of step. A step that fails ends the launch,
 * because a program half prepared is worse than none; an optional one leaves a note. Either way the
 * person reading learns the step, the policy key it came from, the cause and the way out, on stderr and
 * over the report socket alike.
 */
#include "exec/launch.h"

#include <stdio.h>
#include <string.h>

#include "common/strv.h"

static int replace(char **field, const char *text) {
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int step_tunable(struct launch *l, const struct step *s) {
	return strv_append(&l->tunables, s->text);
}

static int step_preload(struct launch *l, const struct step *s) {
	return l->library ? strv_append(&l->more_libraries, s->text)
			  : replace(&l->library, s->text);
}

static int step_init(struct launch *l, const struct step *s) {
	int r = replace(&l->init, s->text);

	return r < 0 || !s->why ? r : replace(&l->init_why, s->why);
}

static int step_argument(struct launch *l, const struct step *s) {
	return strv_append(&l->argv, s->text);
}

static int step_exec(struct launch *l, const struct step *s) {
	return replace(&l->file, s->text);
}

typedef int (*step_function)(struct launch *l, const struct step *s);

static const step_function functions[STEP_KIND_MAX] = {
	[STEP_RLIMIT] = step_rlimit,
	[STEP_OOM_SCORE] = step_oom_score,
	[STEP_THP_DISABLE] = step_thp_disable,
	[STEP_CGROUP] = step_cgroup,
	[STEP_AFFINITY] = step_affinity,
	[STEP_SCHEDULER] = step_scheduler,
	[STEP_NICE] = step_nice,
	[STEP_GROUPS] = step_groups,
	[STEP_USER] = step_user,
	[STEP_CAPABILITIES] = step_capabilities,
	[STEP_DIRECTORY] = step_directory,
	[STEP_ENV_CLEAR] = step_env_clear,
	[STEP_ENV_SET] = step_env_set,
	[STEP_ENV_UNSET] = step_env_unset,
	[STEP_ENV_MERGE] = step_env_merge,
	[STEP_TUNABLE] = step_tunable,
	[STEP_PRELOAD] = step_preload,
	[STEP_INIT] = step_init,
	[STEP_ARGUMENT] = step_argument,
	[STEP_EXEC] = step_exec,
	[STEP_OUTPUT] = step_output,
	[STEP_UMASK] = step_umask,
	[STEP_TRACE] = step_trace,
};

/* "limits.memlock: limit memlock: soft unlimited ...: Operation not permitted; <why>" */
static void describe_failure(
	const struct launch *l, const struct step *s, int error, char *buf, size_t size) {
	char what[256];

	snprintf(buf, size, "%s%s%s: %s%s%s", s->key ? s->key : "", s->key ? ": " : "",
		step_describe(s, what, sizeof(what)), strerror(-error), *l->why ? "; " : "",
		l->why);
}

static int run_step(struct launch *l, const struct step *s) {
	const char *name = step_kind_to_string(s->kind);
	char text[REPORT_TEXT_MAX];
	int r;

	l->why[0] = '\0';
	r = functions[s->kind](l, s);
	if (r == 0)
		return 0;
	if (s->optional &&
		r != -ENOMEM) { /* no line on stderr: the plan knew that it may not work */
		launch_send(l, REPORT_EXEC_NOTE, name, r, s->why ? s->why : l->why);
		return 0;
	}
	describe_failure(l, s, r, text, sizeof(text));
	launch_failed(l, name, r, text);
	return r;
}

/* Steps run in order, but the name of the program comes first in every message. */
static void find_name(struct launch *l, const struct plan *p) {
	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].kind == STEP_EXEC)
			(void)replace(&l->file, p->steps[i].text);
}

int launch_walk(struct launch *l, const struct plan *p) {
	find_name(l, p);
	for (size_t i = 0; i < p->n_steps; i++) {
		int r = run_step(l, &p->steps[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

void launch_done(struct launch *l) {
	l->argv = strv_free(l->argv);
	l->env = strv_free(l->env);
	l->tunables = strv_free(l->tunables);
	l->settings = strv_free(l->settings);
	l->more_libraries = strv_free(l->more_libraries);
	free(l->library);
	free(l->init);
	free(l->init_why);
	free(l->file);
	l->library = l->init = l->init_why = l->file = NULL;
	l->report_fd = close_fd(l->report_fd);
	l->trace_fd = close_fd(l->trace_fd);
}
