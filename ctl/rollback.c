/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl rollback: through rtmemd if it's there, so that it knows, else by the same library. Waiting
 * for the end of a try never goes through rtmemd: whoever waits is there in case that rtmemd isn't.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/local.h"
#include "ctl/writes-view.h"

#define GRACE_MSEC    1000 /* rtmemd has its own timer, and tells more people about it */
#define WAIT_MAX_MSEC 3600000

/* Until the journal changes, or so many milliseconds. Boot time goes on while the machine sleeps, and
 * poll()'s clock doesn't: so never for very long at once. */
static void wait_for_change(int notify_fd, uint64_t left_usec) {
	struct pollfd p = { .fd = notify_fd, .events = POLLIN };
	uint64_t msec = left_usec / 1000 + GRACE_MSEC;
	char events[4096];

	(void)poll(&p, 1, msec > WAIT_MAX_MSEC ? WAIT_MAX_MSEC : (int)msec);
	if (p.revents)
		(void)!read(notify_fd, events, sizeof(events));
}

static int wait_until_due(const struct options *o) {
	const struct transaction t = local_transaction(o);
	_cleanup_close_ int notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct try_state state;
	int r;

	if (notify_fd >= 0)
		(void)inotify_add_watch(notify_fd, o->state_dir, IN_MOVED_TO);
	while ((r = transaction_try_state(&t, &state)) == 0 && state.pending && !state.due)
		wait_for_change(notify_fd, state.left_usec);
	return r;
}

static int take_back(const struct options *o, bool there, char **ret_text) {
	if (o->wait)
		(void)wait_until_due(o); /* what can't be read now will be told in a moment */
	if (o->tried)
		return there ? client_get(o, "Revert", NULL, ret_text)
			     : local_revert(o, o->wait, ret_text);
	return there ? client_rollback(o, o->force, ret_text)
		     : local_rollback(o, o->force, ret_text);
}

static void print_result(json_object *d) {
	const char *result = answer_string(d, "result");
	size_t failed = writes_failed(d, true);

	if (strcmp(result, "unchanged") == 0)
		puts("nothing to give back");
	else if (failed > 0)
		printf("%zu setting%s given back, %zu not\n", writes_made(d),
			writes_made(d) == 1 ? "" : "s", failed);
	else
		printf("%zu setting%s given back\n", writes_made(d),
			writes_made(d) == 1 ? "" : "s");
}

int verb_rollback(const struct options *o, int argc, char *argv[]) {
	_cleanup_free_ char *text = NULL;
	_cleanup_answer_ json_object *d = NULL;
	int r = take_back(o, !o->wait && !*o->root && client_is_there(o), &text);

	if (r != 0)
		return r;
	d = answer_parse(text);
	if (!d)
		return fail(EXIT_CANT_TELL, "the answer is no JSON document");
	if (o->json) {
		answer_print(text);
	} else {
		writes_print(d, stdout);
		print_result(d);
	}
	return writes_failed(d, true) > 0 || *answer_string(d, "problem") ? EXIT_NOT_GOOD
									  : EXIT_GOOD;
}
