/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watch over the machine's settings: every 10 s each is read once more. What changed is told, on the
 * journal and the bus; what the policy wants set again is, patiently. Who keeps changing it back is
 * looked up only then: it takes reading a lot of files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/bus/news.h"
#include "daemon/host/host-hands.h"
#include "daemon/host/host.h"
#include "daemon/host/reapply.h"
#include "daemon/log.h"
#include "daemon/verdict/react.h"
#include "host/owners.h"
#include "libpolicy/wish.h"

struct dispute {
	struct dispute *next; /* manager::disputes */
	char *setting;
	struct reapply_history history;
};

/* ---- telling ----------------------------------------------------------------------------------- */

static const struct setting_state *find_state(const struct settings *s, const char *name) {
	for (size_t i = 0; i < s->n_items; i++)
		if (strcmp(s->items[i].setting, name) == 0)
			return &s->items[i];
	return NULL;
}

void host_take_over(struct manager *m, struct settings *host) {
	if (host_files_append(m, host) < 0)
		log_warning("host: lock_files can't be shown: %s", strerror(ENOMEM));
	for (size_t i = 0; i < host->n_items; i++) {
		const struct setting_state *now = &host->items[i];
		const struct setting_state *old = find_state(&m->host, now->setting);

		if (!old || old->result != now->result || strcmp(old->actual, now->actual) != 0)
			news_host_changed(m, now);
	}
	react_host(m, host);
}

/* ---- setting it again -------------------------------------------------------------------------- */

static struct dispute *find_dispute(struct manager *m, const char *setting) {
	struct dispute *d;

	for (d = m->disputes; d; d = d->next)
		if (strcmp(d->setting, setting) == 0)
			return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->setting = strdup(setting);
	if (!d->setting) {
		free(d);
		return NULL;
	}
	d->next = m->disputes;
	m->disputes = d;
	return d;
}

void host_forget_disputes(struct manager *m) {
	while (m->disputes) {
		struct dispute *d = m->disputes;

		m->disputes = d->next;
		free(d->setting);
		free(d);
	}
}

/* Those who want something else, as "sysctl.d (/etc/sysctl.d/9.conf:3) wants 60, ...". */
static void name_owners(
	const struct manager *m, const struct host_wish *wish, char *buf, size_t size) {
	struct owner owners[OWNERS_MAX];
	_cleanup_claims_ struct claims claims = { .n_items = 0 };
	size_t n, used = 0;

	snprintf(buf, size, "who that is can't be told from the usual configuration files");
	if (claims_load(m->options->root, &claims) < 0)
		return;
	n = owners_find(&claims, wish, owners);
	for (size_t i = 0; i < n; i++) {
		int len;

		if (owners[i].agrees)
			continue;
		len = snprintf(buf + used, size - used, "%s%s (%s) wants %s", used ? ", " : "",
			owners[i].what, owners[i].place,
			owners[i].value[0] ? owners[i].value : "it otherwise");
		if (len < 0 || (size_t)len >= size - used)
			return;
		used += (size_t)len;
	}
}

static void give_up(struct manager *m, const struct host_wish *wish) {
	char owners[768];

	name_owners(m, wish, owners, sizeof(owners));
	log_event(MESSAGE_HOST_DISPUTE, LOG_WARNING, NULL, wish->setting,
		"host: %s was set to %s %d times, and somebody changed it back each time: %s; it's "
		"left alone until the next `rtmemctl apply`",
		wish->setting, wish->wanted, REAPPLY_MAX, owners);
}

/* false: not even tried. */
static bool set_again(struct manager *m, const struct host_wish *wish) {
	const struct transaction t = host_transaction(m);
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];
	int r = hands_reapply(m->hands, &t, host_policy(m), wish->setting, &writes, problem);

	if (r < 0)
		log_warning("host: %s isn't set again: %s", wish->setting, problem);
	host_tell_writes(&writes);
	return r != -EWOULDBLOCK;
}

/* true: something may have been written. */
static bool settle_drift(struct manager *m, const struct setting_state *s, uint64_t now_usec) {
	const struct policy_set *set = host_policy(m);
	const struct host_wish *wish = wish_find(set->wishes, set->n_wishes, s->setting);
	struct reapply_history before;
	struct dispute *d;

	if (s->result != SETTING_DRIFT || s->held || s->report || !wish || !wish->reapply)
		return false;
	d = find_dispute(m, s->setting);
	if (!d)
		return false;
	before = d->history;
	switch (reapply_decide(&d->history, now_usec)) {
	case REAPPLY_NOW:
		if (!set_again(m, wish)) /* in ten seconds, then */
			d->history = before;
		return true;
	case REAPPLY_GIVE_UP:
		give_up(m, wish);
		break;
	case REAPPLY_WAIT:
		break;
	}
	return false;
}

static int read_settings(struct manager *m) {
	_cleanup_settings_ struct settings host = { .n_items = 0 };
	const struct transaction t = { .root = m->options->root,
		.state_dir = m->options->state_dir };
	int r = hands_read_settings(m->hands, &t, host_policy(m), &host);

	if (r == 0)
		host_take_over(m, &host);
	return r;
}

void host_refresh(struct manager *m, uint64_t now_usec) {
	bool written = false;

	if (!host_policy(m) || (host_policy(m)->n_wishes == 0 && !host_files_wanted(m)) ||
		read_settings(m) < 0)
		return;
	for (size_t i = 0; i < m->host.n_items; i++)
		written |= settle_drift(m, &m->host.items[i], now_usec);
	if (written)
		(void)read_settings(m);
}
