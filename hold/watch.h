/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOLD_WATCH_H
#define RTMEM_HOLD_WATCH_H

/* The directories in which a held file may be replaced, and that of the notification socket. */
#include "hold/files.h"

struct watch {
	int fd; /* inotify */
	int notify_wd; /* of the socket's directory; -1 = none */
	char notify_name[108];
};

int watch_init(struct watch *w, const char *notify_socket);
/** Watches the directories of the patterns and of what is held; those watched already stay so. */
void watch_update(struct watch *w, const struct held *h, char *const *patterns);

enum watch_event {
	WATCH_FILES = 1 << 0, /* something was replaced, added or removed */
	WATCH_SOCKET = 1 << 1, /* a new listener: it knows nothing yet */
};
/** Takes all events that are there; a mask. */
unsigned watch_read(struct watch *w);

#endif
