/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/follow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/session.h"

#define LOOK_MSEC 500 /* at least so often, whatever rtmemd tells */

bool follow_is_at_rest(json_object *process) {
	static const char *const passing[] = { "starting", "preparing", "stopping" };
	const char *state = answer_string(process, "state");

	if (answer_length(process, "waiting_for") > 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (strcmp(state, passing[i]) == 0)
			return false;
	return true;
}

bool follow_has_begun(json_object *process) {
	return strcmp(answer_string(process, "state"), "preparing") == 0 ||
		follow_is_at_rest(process);
}

const char *follow_reason(json_object *process) {
	return answer_string(answer_item(process, "findings", 0), "detail");
}

static int look(struct session *session, const char *name, char **text, json_object **document) {
	int r = session_get(session, "GetProcessStatus", name, text);

	if (r != 0)
		return r;
	*document = answer_parse(*text);
	if (!*document || answer_length(*document, "processes") == 0)
		return fail(EXIT_CANT_TELL, "rtmemd gave an answer that can't be understood");
	return 0;
}

static int64_t now_msec(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int follow_process(const struct options *o, const char *name, bool (*done)(json_object *process),
	int limit_msec, char **text, json_object **document) {
	_cleanup_session_ struct session *session = NULL;
	int64_t end = now_msec() + limit_msec;
	int r = session_open(o, &session);

	while (r == 0) {
		r = look(session, name, text, document);
		if (r != 0 || done(answer_item(*document, "processes", 0)) || now_msec() >= end)
			break;
		json_object_put(TAKE(*document));
		free(TAKE(*text));
		(void)session_wait(session, -1, LOOK_MSEC);
	}
	return r;
}
