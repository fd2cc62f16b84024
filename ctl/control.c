/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl start, stop, restart: one managed process each. */
#include <stdio.h>

#include "ctl/client.h"

static int control(
	const struct options *o, const char *method, const char *name, const char *done) {
	int r = client_control(o, method, name);

	if (r == 0 && !o->json)
		printf("%s: %s\n", name, done);
	return r;
}

int verb_start(const struct options *o, int argc, char *argv[]) {
	return control(o, "Start", argv[0], "started");
}

int verb_stop(const struct options *o, int argc, char *argv[]) {
	return control(o, "Stop", argv[0], "stopped");
}

int verb_restart(const struct options *o, int argc, char *argv[]) {
	return control(o, "Restart", argv[0], "restarted");
}
