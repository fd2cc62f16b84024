/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment of the new image. GLIBC_TUNABLES and LD_PRELOAD may have been the user's before they
 * are ours: his value of a tunable wins, with a note; his libraries stay, behind ours. What was there
 * before the merge is handed to libinit, which puts it back for the program's children. So it is with the
 * variables of allocators and runtimes.
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

/* Kept as text; how to merge stands in two characters before the name. */
int step_env_merge(struct launch *l, const struct step *s) {
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%c%c%s", s->number[0] ? (int)s->number[0] : '=',
		    s->number[1] ? 'k' : 'u', s->text) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return strv_append(&l->settings, text);
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

/* So that libinit can undo it for the program's children. */
static int remember(struct launch *l, const char *key, const char *original) {
	_cleanup_free_ char *name = NULL;

	if (!l->library)
		return 0;
	if (asprintf(&name, "%s%s", original ? RTMEM_ENV_WAS : RTMEM_ENV_ADDED, key) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	return set_variable(l, name, original ? original : "");
}

static void note_setting(struct launch *l, const char *key, const char *theirs, const char *ours) {
	char text[REPORT_TEXT_MAX];

	if (strcmp(theirs, ours) == 0)
		return;
	snprintf(text, sizeof(text),
		"%s of the environment says %.200s, kept; for a heap that keeps its memory it would "
		"be %s",
		key, theirs, ours);
	launch_note(l, step_kind_to_string(STEP_ENV_MERGE), 0, text);
}

static int merge_setting(struct launch *l, const char *how, const char *key, const char *ours) {
	const char *theirs = strv_env_get(l->env, key);
	_cleanup_free_ char *value = NULL;
	int r;

	if (theirs && how[0] == '=') {
		note_setting(l, key, theirs, ours);
		return 0;
	}
	if (theirs && asprintf(&value, "%s%c%s", ours, how[0], theirs) < 0) {
		value = NULL;
		return -ENOMEM;
	}
	r = how[1] == 'u' ? remember(l, key, theirs) : 0;
	return r < 0 ? r : set_variable(l, key, value ? value : ours);
}

static int merge_settings(struct launch *l) {
	int r = 0;

	STRV_FOREACH (setting, l->settings) {
		_cleanup_free_ char *key = strdup(*setting + 2);
		char *equals = key ? strchr(key, '=') : NULL;

		if (!key)
			return -ENOMEM;
		if (!equals)
			return -EINVAL;
		*equals = '\0';
		r = merge_setting(l, *setting, key, equals + 1);
		if (r < 0)
			break;
	}
	return r;
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

static bool is_ours(const struct launch *l, const char *path) {
	STRV_FOREACH (ours, l->more_libraries)
		if (strcmp(*ours, path) == 0)
			return true;
	return strcmp(l->library, path) == 0;
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
	STRV_FOREACH (path, l->more_libraries)
		if (r == 0)
			r = strv_append(&list, *path);
	STRV_FOREACH (path, theirs)
		if (r == 0 && !must_come_first(*path) && !is_ours(l, *path))
			r = strv_append(&list, *path);
	if (r == 0)
		r = remember(l, RTMEM_ENV_PRELOAD, original);
	if (r < 0)
		return r;
	merged = join(list);
	return merged ? set_variable(l, RTMEM_ENV_PRELOAD, merged) : -ENOMEM;
}

int environment_finish(struct launch *l) {
	int r = merge_tunables(l);

	if (r == 0)
		r = merge_settings(l);
	if (r == 0)
		r = merge_preload(l);
	if (r == 0 && l->init && l->library)
		r = set_variable(l, RTMEM_ENV_INIT, l->init);
	return r;
}
