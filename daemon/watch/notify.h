/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_NOTIFY_H
#define RTMEM_DAEMON_NOTIFY_H

/* The NOTIFY_SOCKET of managed processes. */
#include "daemon/manager.h"

/** What a datagram says that matters here. */
struct notification {
	bool ready;
	bool alive; /* WATCHDOG=1 */
	bool trigger; /* WATCHDOG=trigger */
	bool stopping; /* STOPPING=1 */
	bool reloading; /* RELOADING=1 */
	uint64_t watchdog_usec; /* WATCHDOG_USEC=, 0 = nothing said */
	bool extend;
	uint64_t extend_usec;
	char *status; /* in the text: how it is, in its own words; NULL = nothing said */
	char *held; /* in the text: what rtmem-hold holds; NULL = nothing said */
	char *section; /* in the text: a real-time section that faulted, of librtmem; NULL = none */
	uint64_t minor, major; /* its faults */
	uint64_t tid;
};

/** Pure. Takes the text apart, line by line; lines that it doesn't know say nothing, nor does a number
 *  that isn't one. Of two extensions the later counts. */
void notification_parse(char *text, struct notification *ret);

/** Binds RUNTIME_DIR/notify and listens. 0 or -errno, logged. */
int notify_init(struct manager *m);
/** Reads what is there, as far as a flood lets it. */
void notify_drain(struct manager *m);
void notify_done(struct manager *m);

#endif
