/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_SESSION_H
#define RTMEM_CTL_SESSION_H

/* A connection that stays: for several questions, and to hear when something has changed between them. */
#include "ctl/ctl.h"

struct session;

/** Prints what went wrong, and returns an exit status; 0 = connected. */
int session_open(const struct options *o, struct session **ret);
struct session *session_close(struct session *s);
/** As client_get(). */
int session_get(struct session *s, const char *method, const char *argument, char **ret_text);

enum session_news {
	SESSION_QUIET, /* the time is over */
	SESSION_CHANGED, /* rtmemd told of a change */
	SESSION_INPUT, /* fd can be read, or a signal came */
	SESSION_LOST, /* rtmemd hung up */
};
/** Waits for one of them. Changes that come close together are one. fd: -1 = none. */
enum session_news session_wait(struct session *s, int fd, int msec);

DEFINE_CLEANUP(struct session *, session_close)
#define _cleanup_session_ CLEANUP(session_close_cleanup)

#endif
