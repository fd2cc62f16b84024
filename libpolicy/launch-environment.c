/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment of a program. Under the daemon it's made from nothing, so that a launch doesn't
 * depend on how rtmemd was started; in the foreground it's the caller's. The policy has the last word.
 */
#include <stdio.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "libpolicy/launch-build.h"

static int append_variable(struct build *b, const char *key, const char *name, const char *value) {
	_cleanup_free_ char *text = NULL;

	if (!value || !*value)
		return 0;
	if (asprintf(&text, "%s=%s", name, value) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return append_text(b, STEP_ENV_SET, key, text);
}

static int add_base_environment(struct build *b) {
	const struct launch_facts *f = b->f;
	const char *user = b->p->user ? "user" : NULL;
	const struct {
		const char *key;
		const char *name;
		const char *value;
	} variables[] = {
		{ NULL, "PATH", LAUNCH_DEFAULT_PATH },
		{ NULL, "LANG", f->language },
		{ user, "HOME", f->home },
		{ user, "USER", f->login },
		{ user, "LOGNAME", f->login },
		{ user, "SHELL", f->shell },
		{ "ready.when", "NOTIFY_SOCKET",
			b->p->ready.when == READY_NOTIFY ? f->notify_socket : NULL },
		{ NULL, RTMEM_ENV_SOCKET, f->runtime_socket },
		{ NULL, RTMEM_ENV_PROCESS, b->p->name },
	};
	int r;

	if (f->foreground)
		return 0;
	r = append_text(b, STEP_ENV_CLEAR, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(variables) && r == 0; i++)
		r = append_variable(b, variables[i].key, variables[i].name, variables[i].value);
	return r;
}

int launch_add_environment(struct build *b) {
	int r = add_base_environment(b);

	STRV_FOREACH (assignment, b->f->environment) {
		if (r == 0)
			r = append_text(b, STEP_ENV_SET, "environment_files", *assignment);
	}
	STRV_FOREACH (assignment, b->p->environment) {
		if (r < 0)
			break;
		r = append_text(b, STEP_ENV_SET, "environment", *assignment);
	}
	return r;
}
