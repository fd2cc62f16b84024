/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the transactions of host/, which write and remember, and the people who want to know: each
 * call here does one transaction, tells of every write, and reads the settings once more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/host/host-hands.h"
#include "daemon/host/host.h"
#include "daemon/log.h"
#include "daemon/watch/sample.h"

struct transaction host_transaction(struct manager *m) {
	return (struct transaction){
		.root = m->options->root,
		.state_dir = m->options->state_dir,
		.on_try = host_try_guard,
		.no_wait = true,
		.userdata = m,
	};
}

struct policy_set *host_policy(const struct manager *m) {
	return m->tried_set ? m->tried_set : m->set;
}

static void tell_write(const struct host_write *w) {
	const char *from = w->from[0] ? w->from : "nothing";

	switch (w->outcome) {
	case WRITE_DONE:
		log_event(w->back ? MESSAGE_HOST_RETURNED : MESSAGE_HOST_WRITTEN, LOG_INFO, NULL,
			w->setting, "host: %s: %s -> %s%s", w->setting, from, w->to,
			w->back ? " (as it was before)" : "");
		break;
	case WRITE_SHORT:
	case WRITE_REFUSED:
		/* a wish that wasn't fulfilled is told as drift */
		if (w->back)
			log_event(MESSAGE_HOST_KEPT, LOG_WARNING, NULL, w->setting,
				"host: %s wasn't given back %s: %s", w->setting, w->to, w->reason);
		break;
	case WRITE_LEFT:
		log_event(MESSAGE_HOST_KEPT, LOG_WARNING, NULL, w->setting,
			"host: %s is left alone: %s", w->setting, w->reason);
		break;
	case WRITE_PLANNED:
		break;
	}
}

void host_tell_writes(const struct host_writes *w) {
	for (size_t i = 0; i < w->n_items; i++)
		tell_write(&w->items[i]);
}

static void tell_problem(int r, const char *what, const char *problem) {
	if (r < 0)
		log_error("host: %s: %s", what, problem);
	else if (*problem)
		log_warning("host: %s", problem);
}

static void set_tried(struct manager *m, struct policy_set *set) {
	policy_set_unref(m->tried_set);
	m->tried_set = set ? policy_set_ref(set) : NULL;
}

/* After a change whose settings nobody has read yet. */
static void read_again(struct manager *m) {
	m->host_due_usec = 0;
	m->changed = true;
	sample_refresh_host(m);
	sample_schedule(m);
}

bool host_is_trying(const struct manager *m, char problem[static SETTING_REASON_MAX]) {
	const struct transaction t = host_transaction((struct manager *)m);
	struct try_state state;

	if (transaction_try_state(&t, &state) < 0 || !state.pending || state.due)
		return false;
	snprintf(problem, SETTING_REASON_MAX,
		"a change of %zu setting%s is being tried: `rtmemctl confirm` keeps it, "
		"`rtmemctl rollback --tried` takes it back at once",
		state.n_settings, state.n_settings == 1 ? "" : "s");
	return true;
}

int host_apply(struct manager *m, struct policy_set *set, unsigned flags, uint64_t try_usec,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]) {
	const struct transaction t = host_transaction(m);
	_cleanup_settings_ struct settings host = { .n_items = 0 };
	int r = hands_apply(m->hands, &t, set, flags, try_usec, &host, ret_writes, problem);

	if (r == -EWOULDBLOCK && flags & APPLY_UNATTENDED) {
		host_do_later(m, LATER_APPLY, problem);
		read_again(m);
		return r;
	}
	tell_problem(r, "settings weren't applied", problem);
	if (r < 0)
		return r;
	host_tell_writes(ret_writes);
	if (!(flags & APPLY_UNATTENDED))
		host_forget_disputes(m);
	set_tried(m, try_usec > 0 ? set : NULL);
	host_take_over(m, &host);
	host_try_arm(m);
	return 0;
}

int host_rollback(struct manager *m, bool force, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	const struct transaction t = host_transaction(m);
	int r = hands_rollback(m->hands, &t, force, ret_writes, problem);

	tell_problem(r, "nothing was given back", problem);
	host_tell_writes(ret_writes);
	if (r < 0)
		return r;
	log_event(MESSAGE_HOST_ROLLED_BACK, LOG_NOTICE, NULL, NULL,
		"host: rolled back, %zu setting%s given back; nothing is set again before the next "
		"apply",
		host_writes_count(ret_writes, WRITE_DONE),
		host_writes_count(ret_writes, WRITE_DONE) == 1 ? "" : "s");
	set_tried(m, NULL);
	read_again(m);
	host_try_arm(m);
	return 0;
}

int host_revert(struct manager *m, bool only_due, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	const struct transaction t = host_transaction(m);
	int r = hands_revert(m->hands, &t, only_due, ret_writes, problem);

	if (r == -EWOULDBLOCK && only_due) {
		host_do_later(m, LATER_REVERT, problem);
		return r;
	}
	tell_problem(r, "what was tried wasn't taken back", problem);
	host_tell_writes(ret_writes);
	if (r < 0)
		return r;
	if (ret_writes->n_items > 0)
		log_event(MESSAGE_HOST_REVERTED, LOG_NOTICE, NULL, NULL,
			"host: what was tried is taken back%s",
			only_due ? ": no confirmation came in time" : "");
	host_try_arm(m);
	if (m->try_deadline_usec)
		return 0;
	set_tried(m, NULL);
	read_again(m);
	return 0;
}

int host_confirm(struct manager *m, char problem[static SETTING_REASON_MAX]) {
	const struct transaction t = host_transaction(m);
	size_t n;
	int r = hands_confirm(m->hands, &t, &n, problem);

	if (r < 0)
		return r;
	log_event(MESSAGE_APPLIED, LOG_INFO, NULL, NULL, "host: %zu tried setting%s confirmed", n,
		n == 1 ? "" : "s");
	host_try_arm(m);
	read_again(m);
	return 0;
}

void host_done(struct manager *m) {
	host_forget_disputes(m);
	host_later_done(m);
	set_tried(m, NULL);
	m->try_timer = sd_event_source_disable_unref(m->try_timer);
}
