/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REST_STATE_H
#define RTMEM_DAEMON_REST_STATE_H

/* What struct process keeps for rest.c. */
#include <stdbool.h>
#include <systemd/sd-event.h>

struct rest {
	sd_event_source *source; /* the end of one of them, or a timer to look again */
	int fd;
	bool behind; /* left to themselves, as nobody wants their end */
	bool killed; /* SIGKILL was sent: whoever is new gets it too */
};

#endif
