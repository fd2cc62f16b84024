/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reload. First everything is decided (a list of one action per process, with its reason), then it's
 * printed, then, unless it's a dry run, done. So a dry run says exactly what a real one would do, and a
 * set with a mistake in it never gets as far as the first action.
 */
#include "daemon/reload/apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/news.h"
#include "daemon/bus/system-bus.h"
#include "daemon/host/host-hands.h"
#include "daemon/host/host.h"
#include "daemon/log.h"
#include "daemon/reload/carry.h"
#include "daemon/self.h"
#include "daemon/survive/adopt.h"
#include "daemon/watch/sample.h"
#include "libpolicy/set.h"

int apply_load(const struct manager *m, struct policy_set **ret, struct diagnostics *diagnostics) {
	unsigned flags = geteuid() == 0 ? LOAD_CHECK_OWNER : 0;

	return policy_set_load(m->options->config_dirs, flags, ret, diagnostics);
}

struct process *apply_add(
	struct manager *m, struct policy_set *set, const struct process_policy *policy) {
	struct process *p = process_new(m, set, policy);

	if (!p || manager_add(m, p) < 0) {
		log_error("%s: not started: %s", policy->name, strerror(ENOMEM));
		return process_free(p);
	}
	p->wanted = WANTED_RUNNING;
	p->wanted_by = m->announced ? WANTED_BY_RELOAD : WANTED_BY_POLICY;
	p->waiting = true;
	return p;
}

void apply_begin(struct process *p) {
	enum wanted_by by = p->wanted_by;

	if (adopt_process(p))
		p->waiting = false;
	else
		process_ask(p, EVENT_START, by);
}

int apply_first(struct manager *m, struct policy_set *set) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];

	m->set = policy_set_ref(set);
	descriptors_expect(&m->descriptors, set->n_processes, m->rings.n_items);
	(void)host_apply(m, set, APPLY_UNATTENDED, 0, &writes, problem);
	for (size_t i = 0; i < set->n_processes; i++)
		(void)apply_add(m, set, &set->processes[i]);
	for (size_t i = 0; i < m->n_processes; i++)
		apply_begin(m->processes[i]);
	adopt_finish(m);
	sample_schedule(m);
	return 0;
}

#define HASH_OFFSET 0xcbf29ce484222325ull /* FNV-1a, 64 bits */
#define HASH_PRIME  0x100000001b3ull

static uint64_t hash_text(uint64_t hash, const char *text) {
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * HASH_PRIME;
	return hash * HASH_PRIME;
}

static uint64_t hash_diagnostics(const struct diagnostics *d) {
	uint64_t hash = HASH_OFFSET;

	for (size_t i = 0; i < d->n_items; i++) {
		hash = hash_text(hash, d->items[i].file);
		hash = hash_text(hash, d->items[i].message);
		hash = (hash ^ d->items[i].line) * HASH_PRIME;
	}
	return hash;
}

/* Has this been told already, and nothing else since? */
static bool is_known(struct manager *m, const struct diagnostics *d, unsigned flags) {
	uint64_t hash = hash_diagnostics(d), last = m->refused_hash;

	m->refused_hash = hash;
	return flags & RELOAD_ONCE && hash == last;
}

static int refuse_policies(int error, const struct diagnostics *d, char **ret_json) {
	const struct change_report report = {
		.result = "refused", .problem = "", .diagnostics = d
	};

	log_event(MESSAGE_REFUSED, LOG_ERR, NULL, NULL,
		"the policy directories have %zu error%s: nothing was changed", d->n_errors,
		d->n_errors == 1 ? "" : "s");
	if (!ret_json)
		diagnostics_print(d, stderr, false);
	else if (change_document(&report, ret_json) < 0)
		return -ENOMEM;
	return error;
}

static int refuse(int error, const char *problem, char **ret_json) {
	const struct change_report report = { .result = "refused", .problem = problem };

	log_event(MESSAGE_REFUSED, LOG_ERR, NULL, NULL, "nothing was changed: %s", problem);
	if (ret_json && change_document(&report, ret_json) < 0)
		return -ENOMEM;
	return error;
}

static size_t count_changing(const struct host_writes *w) {
	return host_writes_count(w, WRITE_PLANNED) + host_writes_count(w, WRITE_DONE) +
		host_writes_count(w, WRITE_SHORT);
}

/* What a dry run finds; nothing is kept of it but the words. */
static int plan_host(const struct manager *m, const struct policy_set *set, struct settings *host,
	struct host_writes *writes, char *problem) {
	const struct transaction t = { .root = m->options->root,
		.state_dir = m->options->state_dir };

	return hands_apply(m->hands, &t, set, APPLY_DRY_RUN, 0, host, writes, problem);
}

static int load_and_apply(struct manager *m, unsigned flags, bool *ret_changed, char **ret_json) {
	bool dry = flags & RELOAD_DRY_RUN;
	_cleanup_diagnostics_ struct diagnostics diagnostics = { .n_items = 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_settings_ struct settings host = { .n_items = 0 };
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	CLEANUP(changes_done) struct changes changes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	int r = apply_load(m, &set, &diagnostics);

	*ret_changed = false;
	if (r < 0 && is_known(m, &diagnostics, flags))
		return r;
	if (r < 0)
		return refuse_policies(r, &diagnostics, ret_json);
	if (m->refused_hash)
		log_info("the policies are without errors again");
	m->refused_hash = 0;
	if (host_is_trying(m, problem))
		return refuse(-EALREADY, problem, ret_json);
	r = changes_decide(m, set, flags & RELOAD_RESTART, &changes);
	if (r == 0)
		r = dry ? plan_host(m, set, &host, &writes, problem)
			: host_apply(m, set, 0, 0, &writes, problem);
	if (r < 0)
		return *problem ? refuse(r, problem, ret_json) : r;
	*ret_changed = changes_any(&changes) || count_changing(&writes) > 0;
	if (dry)
		carry_foresee(&changes);
	else
		carry_out(m, set, &changes);
	return ret_json ? change_document(
				  &(const struct change_report){
					  .result = *ret_changed ? "applied" : "unchanged",
					  .problem = problem,
					  .diagnostics = &diagnostics,
					  .host = dry ? &host : &m->host,
					  .writes = &writes,
					  .changes = &changes,
				  },
				  ret_json)
			: 0;
}

int apply(struct manager *m, unsigned flags, bool *ret_changed, char **ret_json) {
	int r = load_and_apply(m, flags, ret_changed, ret_json);

	if (!(flags & RELOAD_DRY_RUN))
		news_reloaded(m, r < 0 ? "refused" : *ret_changed ? "applied" : "unchanged");
	return r;
}

static void reload(struct manager *m, unsigned flags) {
	bool changed;
	int r;

	self_reloading(m);
	r = apply(m, flags, &changed, NULL);
	if (r == -EWOULDBLOCK)
		host_do_later(m, LATER_RELOAD, "another program of rtmem is writing settings");
	else if (r < 0 && !(flags & RELOAD_ONCE))
		log_error("reload failed, the old policies stay in force: %s", strerror(-r));
	else if (r == 0 && (changed || !(flags & RELOAD_ONCE)))
		log_info("reloaded: %s", changed ? "changes applied" : "nothing changed");
	self_reloaded(m);
}

void apply_reload(struct manager *m) {
	system_bus_join(m); /* if it refused us before */
	reload(m, 0);
}

void apply_changed(struct manager *m) {
	reload(m, RELOAD_ONCE);
}

int apply_try(struct manager *m, uint64_t try_usec, bool *ret_changed, char **ret_json) {
	_cleanup_diagnostics_ struct diagnostics diagnostics = { .n_items = 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX] = "";
	struct change_report report = {
		.problem = problem,
		.diagnostics = &diagnostics,
		.host = &m->host,
		.writes = &writes,
	};
	int r = apply_load(m, &set, &diagnostics);

	*ret_changed = false;
	if (r < 0)
		return refuse_policies(r, &diagnostics, ret_json);
	r = host_apply(m, set, 0, try_usec, &writes, problem);
	if (r < 0)
		return refuse(r, problem, ret_json);
	*ret_changed = count_changing(&writes) > 0;
	if (*ret_changed)
		log_event(MESSAGE_HOST_TRIED, LOG_NOTICE, NULL, NULL,
			"host: a change is tried: it goes back unless it's confirmed in time");
	report.result = *ret_changed ? "tried" : "unchanged";
	return change_document(&report, ret_json);
}
