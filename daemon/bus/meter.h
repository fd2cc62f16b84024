/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_METER_H
#define RTMEM_DAEMON_METER_H

/* Measures what answering a client costs, and makes its user wait when that's too much. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/bus/budget.h"

/** All callers of the system bus together: the bus daemon knows them apart, and bounds each. */
#define METER_SYSTEM_BUS ((uid_t)-1)

struct meter {
	struct budgets budgets;
	sd_event *event;
	sd_event_source *settle;
	sd_event_source *refill;
	uid_t uid;
	uint64_t started_usec; /* processor time of the loop's thread */
	void (*on_settled)(void *userdata); /* the message that was begun last is dealt with */
	void (*on_refill)(void *userdata); /* somebody who had to wait may go on */
	void *userdata;
};

int meter_init(struct meter *m, sd_event *event, void (*on_settled)(void *userdata),
	void (*on_refill)(void *userdata), void *userdata);
void meter_done(struct meter *m);

/** May a message of this user be dealt with now? If not, on_refill() is called in time. */
bool meter_admits(struct meter *m, uid_t uid);
/** A message of this user is about to be dispatched. */
void meter_begin(struct meter *m, uid_t uid);

#endif
