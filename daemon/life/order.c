/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process waits for those of its `after` that are on their way up, and for no others: who was stopped by
 * a person, or ended as it should, isn't waited for, and isn't started either. So at boot and in a reload,
 * when all are wanted, the order of the policy is kept; a start by hand waits for what starts at the same
 * time. One that failed, or is over its ready.timeout, holds nobody up. A restart of its own accord doesn't
 * wait: the order was kept when it was started.
 */
#include "daemon/life/order.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/log.h"

bool order_is_awaited(const struct process *p) {
	bool late = p->run && p->run->late;

	if (p->wanted != WANTED_RUNNING || p->removed)
		return false;
	switch (p->state) {
	case PROCESS_STOPPED:
		return p->waiting;
	case PROCESS_STARTING:
	case PROCESS_PREPARING:
		return !late;
	case PROCESS_STOPPING: /* to be started again */
		return true;
	case PROCESS_BACKOFF: /* without a limit this may go on for ever */
		return p->policy->restart.limit > 0;
	case PROCESS_RUNNING:
	case PROCESS_FAILED:
	case PROCESS_STATE_MAX:
		break;
	}
	return false;
}

const struct process *order_awaited(const struct process *p, size_t n) {
	STRV_FOREACH (name, p->policy->after) {
		const struct process *other = manager_find(p->manager, *name);

		if (other && other != p && order_is_awaited(other) && n-- == 0)
			return other;
	}
	return NULL;
}

const char *order_describe(const struct process *p, char buf[static ORDER_TEXT_MAX]) {
	const struct process *other;
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; (other = order_awaited(p, i)) && used < ORDER_TEXT_MAX; i++)
		used += (size_t)snprintf(
			buf + used, ORDER_TEXT_MAX - used, "%s%s", i ? ", " : "", other->name);
	return buf;
}

/* Those that were waited for in vain */
static void tell_of_others(const struct process *p) {
	STRV_FOREACH (name, p->policy->after) {
		const struct process *other = manager_find(p->manager, *name);

		if (!other || other->state == PROCESS_RUNNING || other->wanted != WANTED_RUNNING ||
			other->state == PROCESS_STOPPED)
			continue;
		log_event(MESSAGE_WAITING, LOG_WARNING, p->name, NULL,
			"starts although %s isn't ready (%s%s)", other->name,
			process_state_to_string(other->state),
			other->run && other->run->late ? ", over its ready.timeout" : "");
	}
}

static int on_order(sd_event_source *s, void *userdata) {
	struct manager *m = userdata;

	for (size_t i = 0; i < m->n_processes; i++) {
		struct process *p = m->processes[i];

		if (!p->waiting || order_awaited(p, 0))
			continue;
		tell_of_others(p);
		process_dispatch(p, EVENT_WAIT_OVER);
	}
	return 0;
}

void order_schedule(struct manager *m) {
	int r = 0;

	if (m->order)
		r = sd_event_source_set_enabled(m->order, SD_EVENT_ONESHOT);
	else if (m->event)
		r = sd_event_add_defer(m->event, &m->order, on_order, m);
	if (r < 0)
		log_error("who waits for others can't be looked at: %s", strerror(-r));
}

void order_done(struct manager *m) {
	m->order = sd_event_source_disable_unref(m->order);
}
