/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_REST_STATE_H
#define RTMEM_DAEMON_REST_STATE_H

/* What struct process keeps for rest.c. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/** One process of a tree. */
struct member {
	pid_t pid;
	uint64_t start_ticks;
	char name[16];
};

struct members {
	struct member *items;
	size_t n_items;
};

struct rest {
	sd_event_source *source; /* the end of one of them, or a timer to look again */
	int fd;
	struct members asked; /* to end: nobody hears the signal twice */
	bool behind; /* left to themselves, as nobody wants their end */
	bool killed; /* SIGKILL was sent: whoever is new gets it too */
};

#endif
