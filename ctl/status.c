/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtmemctl status: asks the daemon, shows the answer, and says by its exit status whether it's good. */
#include <stdio.h>
#include <string.h>

#include "ctl/status-view.h"
#include "ctl/watch.h"

static int print_document(const char *name, json_object *d, FILE *out) {
	return name ? status_print_process(answer_item(d, "processes", 0), out)
		    : status_print(d, out);
}

static const char *verdict(const char *name, json_object *d) {
	return name ? answer_string(answer_item(d, "processes", 0), "compliance")
		    : answer_string(d, "daemon.state");
}

static int show(struct session *session, const struct options *o, const char *name, FILE *out) {
	_cleanup_free_ char *text = NULL;
	_cleanup_answer_ json_object *d = NULL;
	int r = session_get(session, name ? "GetProcessStatus" : "GetStatus", name, &text);

	if (r != 0)
		return r;
	/* who gets it as it came needs no more of it here than the exit status */
	d = o->json && !name ? answer_parse_member(text, "daemon") : answer_parse(text);
	if (!d || (name && answer_length(d, "processes") == 0))
		return fail(EXIT_CANT_TELL, "rtmemd gave an answer that can't be understood");
	if (o->json)
		answer_print(text);
	else if (print_document(name, d, out) < 0)
		return fail_errno(EXIT_CANT_TELL, ENOMEM, "can't print");
	return status_of_word(verdict(name, d));
}

int verb_status(const struct options *o, int argc, char *argv[]) {
	_cleanup_session_ struct session *session = NULL;
	const char *name = argc ? argv[0] : NULL;
	int r;

	if (o->watch)
		return watch(show, o, name);
	r = session_open(o, &session);
	return r != 0 ? r : show(session, o, name, stdout);
}
