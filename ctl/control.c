/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl start, stop, restart: one managed process each. The daemon answers at once; what a person
 * wants to know is how it came out, so the process is followed until it has come to rest.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/client.h"

#define POLL_MSEC   100
#define FOLLOW_MSEC 60000 /* a program may take its time to get ready; the daemon watches on */

static bool is_at_rest(json_object *process) {
	static const char *const passing[] = { "starting", "preparing", "stopping" };
	const char *state = answer_string(process, "state");

	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (strcmp(state, passing[i]) == 0)
			return false;
	return true;
}

/* The process as it is now, as text and parsed; both belong to the caller, also on failure. */
static int look(const struct options *o, const char *name, char **text, json_object **document) {
	int r = client_get(o, "GetProcessStatus", name, text);

	if (r != 0)
		return r;
	*document = answer_parse(*text);
	if (!*document || answer_length(*document, "processes") == 0)
		return fail(EXIT_CANT_TELL, "rtmemd gave an answer that can't be understood");
	return 0;
}

/* text: the document, printed where JSON is wanted; or NULL. */
static int report(const char *name, json_object *process, const char *text, const char *good) {
	const char *state = answer_string(process, "state");
	json_object *finding = answer_item(process, "findings", 0);
	const char *detail = answer_string(finding, "detail");

	if (!text)
		printf("%s: %s\n", name, state);
	else
		answer_print(text);
	if (!is_at_rest(process))
		return fail(EXIT_CANT_TELL, "%s is still %s; `rtmemctl status %s` tells more", name,
			state, name);
	if (strcmp(state, good) == 0)
		return EXIT_GOOD;
	if (*detail)
		fprintf(stderr, "rtmemctl: %s: %s\n", name, detail);
	return EXIT_NOT_GOOD;
}

static int follow(const struct options *o, const char *name, const char *good) {
	for (int waited = 0;; waited += POLL_MSEC) {
		_cleanup_free_ char *text = NULL;
		_cleanup_answer_ json_object *document = NULL;
		json_object *process;
		int r = look(o, name, &text, &document);

		if (r != 0)
			return r;
		process = answer_item(document, "processes", 0);
		if (is_at_rest(process) || waited >= FOLLOW_MSEC)
			return report(name, process, o->json ? text : NULL, good);
		(void)poll(NULL, 0, POLL_MSEC);
	}
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
