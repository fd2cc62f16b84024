/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment of a program. Under the daemon it's made from nothing, so that a launch doesn't
 * depend on how rtmemd was started; in the foreground it's the caller's. The policy has the last word.
 */
#include <inttypes.h>
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

/* Without WATCHDOG_PID, which isn't known yet: sd_watchdog_enabled() then takes it for its caller's. */
static const char *watchdog_period(const struct process_policy *p, char buf[static 24]) {
	snprintf(buf, 24, "%" PRIu64, p->watchdog_usec);
	return p->watchdog_usec > 0 ? buf : NULL;
}

static int add_base_environment(struct build *b) {
	const struct launch_facts *f = b->f;
	const char *user = b->p->user ? "user" : NULL;
	bool by_notify = b->p->ready.when == READY_NOTIFY;
	char period[24];
	const char *watchdog = watchdog_period(b->p, period);
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
		{ by_notify ? "ready.when" : "watchdog", "NOTIFY_SOCKET",
			by_notify || watchdog ? f->notify_socket : NULL },
		{ "watchdog", "WATCHDOG_USEC", watchdog },
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
