/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_CONNECTION_H
#define RTMEM_CTL_CONNECTION_H

/* A connection to rtmemd, over its private socket. Functions that return int print what went wrong and
 * return an exit status; 0 = done. */
#include <systemd/sd-bus.h>

#include "ctl/ctl.h"

int connection_open(const struct options *o, sd_bus **ret);
/** A call of the manager; -errno, not printed. */
int connection_new_call(sd_bus *bus, const char *method, sd_bus_message **ret);
/** Sends m; *ret_reply belongs to the caller. */
int connection_call(
	const struct options *o, sd_bus *bus, sd_bus_message *m, sd_bus_message **ret_reply);
/** A copy of the next text of a reply. */
int connection_take_text(sd_bus_message *reply, char **ret);

static inline void bus_close(sd_bus **bus) {
	*bus = sd_bus_flush_close_unref(*bus);
}

static inline void message_unref(sd_bus_message **m) {
	*m = sd_bus_message_unref(*m);
}

#define _cleanup_bus_	  CLEANUP(bus_close)
#define _cleanup_message_ CLEANUP(message_unref)

#endif
