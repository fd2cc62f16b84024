/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemd tells of states and findings by signals; what a signal says isn't kept, only that there was one:
 * the next question brings the whole truth.
 */
#include "ctl/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "ctl/connection.h"

#define GATHER_MSEC 50 /* for what comes along with the first */

struct session {
	const struct options *options;
	sd_bus *bus;
	bool changed;
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
	struct session *s = userdata;

	if (sd_bus_message_is_signal(m, RTMEM_BUS_INTERFACE, NULL))
		s->changed = true;
	return 0;
}

struct session *session_close(struct session *s) {
	if (!s)
		return NULL;
	bus_close(&s->bus);
	free(s);
	return NULL;
}

int session_open(const struct options *o, struct session **ret) {
	_cleanup_session_ struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail_errno(EXIT_CANT_TELL, ENOMEM, "can't connect");
	s->options = o;
	r = connection_open(o, &s->bus);
	if (r != 0)
		return r;
	r = sd_bus_add_filter(s->bus, NULL, on_message, s);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, "can't listen");
	*ret = TAKE(s);
	return 0;
}

int session_get(struct session *s, const char *method, const char *argument, char **ret_text) {
	_cleanup_message_ sd_bus_message *m = NULL, *reply = NULL;
	int r = connection_new_call(s->bus, method, &m);

	if (r >= 0 && argument)
		r = sd_bus_message_append(m, "s", argument);
	if (r < 0)
		return fail_errno(EXIT_CANT_TELL, r, method);
	r = connection_call(s->options, s->bus, m, &reply);
	return r != 0 ? r : connection_take_text(reply, ret_text);
}

/* Takes in what has come. False when rtmemd has hung up. */
static bool drain(struct session *s) {
	int r;

	while ((r = sd_bus_process(s->bus, NULL)) > 0)
		;
	return r >= 0 && sd_bus_is_open(s->bus) > 0;
}

static enum session_news wait_once(struct session *s, int fd, int msec) {
	struct pollfd p[] = { { .fd = sd_bus_get_fd(s->bus), .events = POLLIN },
		{ .fd = fd, .events = POLLIN } };

	if (poll(p, ARRAY_LEN(p), msec) < 0 || p[1].revents)
		return SESSION_INPUT;
	if (!drain(s))
		return SESSION_LOST;
	return p[0].revents && s->changed ? SESSION_CHANGED : SESSION_QUIET;
}

enum session_news session_wait(struct session *s, int fd, int msec) {
	enum session_news news;

	if (!drain(s)) /* what came along with the last answer */
		return SESSION_LOST;
	news = s->changed ? SESSION_CHANGED : wait_once(s, fd, msec);
	if (news == SESSION_CHANGED && wait_once(s, fd, GATHER_MSEC) == SESSION_INPUT)
		news = SESSION_INPUT;
	s->changed = false;
	return news;
}
