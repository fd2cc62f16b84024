/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl start, stop, restart: one managed process each. The daemon answers at once; what a person
 * wants to know is how it came out, so the process is followed until it has come to rest.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/follow.h"

#define FOLLOW_MSEC 60000 /* a program may take its time to get ready; the daemon watches on */

/* text: the document, printed where JSON is wanted; or NULL. */
static int report(const char *name, json_object *process, const char *text, const char *good) {
	const char *state = answer_string(process, "state");
	const char *detail = follow_reason(process);

	if (!text)
		printf("%s: %s\n", name, state);
	else
		answer_print(text);
	if (!follow_is_at_rest(process))
		return fail(EXIT_CANT_TELL, "%s is still %s; `rtmemctl status %s` tells more", name,
			state, name);
	if (strcmp(state, good) == 0)
		return EXIT_GOOD;
	if (*detail)
		fprintf(stderr, "rtmemctl: %s: %s\n", name, detail);
	return EXIT_NOT_GOOD;
}

static int follow(const struct options *o, const char *name, const char *good) {
	_cleanup_free_ char *text = NULL;
	_cleanup_answer_ json_object *document = NULL;
	int r = follow_process(o, name, follow_is_at_rest, FOLLOW_MSEC, &text, &document);

	return r != 0
		? r
		: report(name, answer_item(document, "processes", 0), o->json ? text : NULL, good);
}

static int control(
	const struct options *o, const char *method, const char *name, const char *good) {
	int r = client_control(o, method, name);

	return r != 0 ? r : follow(o, name, good);
}

int verb_start(const struct options *o, int argc, char *argv[]) {
	return control(o, "Start", argv[0], "running");
}

int verb_stop(const struct options *o, int argc, char *argv[]) {
	return control(o, "Stop", argv[0], "stopped");
}

int verb_restart(const struct options *o, int argc, char *argv[]) {
	return control(o, "Restart", argv[0], "running");
}
