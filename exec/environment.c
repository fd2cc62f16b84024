/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment of the new image. GLIBC_TUNABLES and LD_PRELOAD may have been the user's before they
 * are ours: his value of a tunable wins, with a note; his libraries stay, behind ours. What was there
 * before the merge is handed to libinit, which puts it back for the program's children.
 */
#include "exec/launch.h"

#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "common/strv.h"

int step_env_clear(struct launch *l, const struct step *s) {
	l->env = strv_free(l->env);
	return 0;
}

int step_env_set(struct launch *l, const struct step *s) {
	return strv_env_set(&l->env, s->text);
}

int step_env_unset(struct launch *l, const struct step *s) {
	size_t len = strlen(s->text), kept = 0;

	for (size_t i = 0; l->env && l->env[i]; i++) {
		if (strncmp(l->env[i], s->text, len) == 0 && l->env[i][len] == '=')
			free(l->env[i]);
		else
			l->env[kept++] = l->env[i];
	}
	if (l->env)
		l->env[kept] = NULL;
	return 0;
}

static int set_variable(struct launch *l, const char *key, const char *value) {
	_cleanup_free_ char *assignment = NULL;

	if (asprintf(&assignment, "%s=%s", key, value) < 0) {
		assignment = NULL;
		return -ENOMEM;
	}
	return strv_env_set(&l->env, assignment);
}

/* Joins with colons; NULL = out of memory. */
static char *join(char *const *words) {
	size_t size = 1;
	char *text, *at;

	STRV_FOREACH (w, words)
		size += strlen(*w) + 1;
	text = at = malloc(size);
	if (!text)
		return NULL;
	*at = '\0';
	STRV_FOREACH (w, words)
		at += sprintf(at, "%s%s", w == words ? "" : ":", *w);
	return text;
}

/* The entry of the list that sets the same tunable, or NULL. */
static const char *find_tunable(char *const *list, const char *tunable) {
	size_t len = strcspn(tunable, "=") + 1;

	STRV_FOREACH (entry, list) {
		if (strncmp(*entry, tunable, len) == 0)
			return *entry;
	}
	return NULL;
}

static void note_conflict(struct launch *l, const char *theirs, const char *ours) {
	char text[REPORT_TEXT_MAX];

	snprintf(text, sizeof(text),
		"GLIBC_TUNABLES of the environment says %s, kept; the policy needs %s for a heap that "
		"never faults: remove it from the environment",
		theirs, ours);
	launch_note(l, step_kind_to_string(STEP_TUNABLE), 0, text);
}

static int merge_tunables(struct launch *l) {
	const char *original = strv_env_get(l->env, RTMEM_ENV_TUNABLES);
	_cleanup_strv_ char **list = NULL;
	_cleanup_free_ char *merged = NULL;
	int r;

	if (!l->tunables)
		return 0;
	r = strv_split(original ? original : "", ":", &list);
	if (r == 0 && l->library) /* who takes it out again */
		r = set_variable(l, RTMEM_ENV_ORIGINAL, original ? original : "");
	STRV_FOREACH (ours, l->tunables) {
		const char *theirs = find_tunable(list, *ours);

		if (theirs && strcmp(theirs, *ours) != 0)
			note_conflict(l, theirs, *ours);
		if (r == 0 && !theirs)
			r = strv_append(&list, *ours);
	}
	if (r < 0)
		return r;
	merged = join(list);
	return merged ? set_variable(l, RTMEM_ENV_TUNABLES, merged) : -ENOMEM;
}

/* A sanitizer's run-time library insists on being the first object loaded. */
static bool must_come_first(const char *path) {
	const char *name = strrchr(path, '/');

	return strstr(name ? name : path, "asan") != NULL;
}

static int merge_preload(struct launch *l) {
	const char *original = strv_env_get(l->env, RTMEM_ENV_PRELOAD);
	_cleanup_strv_ char **theirs = NULL, **list = NULL;
	_cleanup_free_ char *merged = NULL;
	int r;

	if (!l->library)
		return 0;
	r = strv_split(original ? original : "", ": ", &theirs);
	STRV_FOREACH (path, theirs)
		if (r == 0 && must_come_first(*path))
			r = strv_append(&list, *path);
	if (r == 0)
		r = strv_append(&list, l->library);
	STRV_FOREACH (path, theirs)
		if (r == 0 && !must_come_first(*path) && strcmp(*path, l->library) != 0)
			r = strv_append(&list, *path);
	if (r < 0)
		return r;
	merged = join(list);
	return merged ? set_variable(l, RTMEM_ENV_PRELOAD, merged) : -ENOMEM;
}

int environment_finish(struct launch *l) {
	int r = merge_tunables(l);

	if (r == 0)
		r = merge_preload(l);
	if (r == 0 && l->init && l->library)
		r = set_variable(l, RTMEM_ENV_INIT, l->init);
	return r;
}
