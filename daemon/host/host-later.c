/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody else may be writing settings just when rtmemd wants to: rtmemctl, the boot unit, the guard of a
 * try. Who asks over the bus is told so at once. What nobody waits for is done when the other one is
 * through; until then the loop goes on, and looks twice a second.
 */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/host/host.h"
#include "daemon/log.h"
#include "daemon/reload/apply.h"
#include "host/lock.h"

#define LOOK_USEC UINT64_C(500000)

static void apply_again(struct manager *m) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];

	(void)host_apply(m, m->set, APPLY_UNATTENDED, 0, &writes, problem);
}

static void revert_again(struct manager *m) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];

	(void)host_revert(m, true, &writes, problem);
}

static void (*const actions[])(struct manager *m) = {
	[LATER_REVERT] = revert_again,
	[LATER_APPLY] = apply_again,
	[LATER_RELOAD] = apply_reload,
};

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
	struct manager *m = userdata;
	enum host_later later = m->later;

	if (host_lock_is_held(m->options->state_dir)) {
		(void)sd_event_source_set_time(s, usec + LOOK_USEC);
		return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	}
	m->later = LATER_NOTHING;
	actions[later](m);
	return 0;
}

static int set_timer(struct manager *m) {
	uint64_t now = 0;
	int r = sd_event_now(m->event, CLOCK_MONOTONIC, &now);

	if (r < 0)
		return r;
	if (m->later_timer) {
		r = sd_event_source_set_time(m->later_timer, now + LOOK_USEC);
		return r < 0 ? r : sd_event_source_set_enabled(m->later_timer, SD_EVENT_ONESHOT);
	}
	r = sd_event_add_time(
		m->event, &m->later_timer, CLOCK_MONOTONIC, now + LOOK_USEC, 10000, on_look, m);
	return r < 0 ? r : sd_event_source_set_description(m->later_timer, "rtmemd-host-later");
}

void host_do_later(struct manager *m, enum host_later what, const char *problem) {
	int r;

	if (what <= m->later)
		return;
	if (m->later == LATER_NOTHING) {
		r = set_timer(m);
		if (r < 0) {
			log_error("host: %s; no timer to try again: %s", problem, strerror(-r));
			return;
		}
		log_warning("host: %s; it's done when that is over", problem);
	}
	m->later = what;
}

void host_later_done(struct manager *m) {
	m->later_timer = sd_event_source_disable_unref(m->later_timer);
	m->later = LATER_NOTHING;
}
