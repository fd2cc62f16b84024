/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/follow.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"

#define POLL_MSEC 100

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

static int look(const struct options *o, const char *name, char **text, json_object **document) {
	int r = client_get(o, "GetProcessStatus", name, text);

	if (r != 0)
		return r;
	*document = answer_parse(*text);
	if (!*document || answer_length(*document, "processes") == 0)
		return fail(EXIT_CANT_TELL, "rtmemd gave an answer that can't be understood");
	return 0;
}

int follow_process(const struct options *o, const char *name, bool (*done)(json_object *process),
	int limit_msec, char **text, json_object **document) {
	for (int waited = 0;; waited += POLL_MSEC) {
		int r = look(o, name, text, document);

		if (r != 0)
			return r;
		if (done(answer_item(*document, "processes", 0)) || waited >= limit_msec)
			return 0;
		json_object_put(TAKE(*document));
		free(TAKE(*text));
		(void)poll(NULL, 0, POLL_MSEC);
	}
}
