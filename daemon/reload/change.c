/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Old processes x new policies -> one change each. What a running process can follow it does; what only
 * a new launch can follow waits for one, unless whoever applies it or the policy says at once: a
 * supervisor doesn't end a program that controls something because a line of text has changed.
 */
#include "daemon/reload/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/launch/launch.h"
#include "daemon/reload/live.h"
#include "daemon/reload/pending.h"
#include "daemon/status/status.h"

#define KEYS_TEXT_MAX 512

const char *change_kind_to_string(enum change_kind kind) {
	static const char *const names[CHANGE_KIND_MAX] = {
		[CHANGE_KEEP] = "keep",
		[CHANGE_START] = "start",
		[CHANGE_RESTART] = "restart",
		[CHANGE_STOP] = "stop",
		[CHANGE_UPDATE] = "update",
		[CHANGE_PENDING] = "pending",
	};

	return names[kind];
}

static void change_done(struct change *c) {
	free(c->name);
	free(c->reason);
	free(c->problem);
	free(c->values);
	policy_differences_done(&c->differences);
}

void changes_done(struct changes *c) {
	for (size_t i = 0; i < c->n_items; i++)
		change_done(&c->items[i]);
	free(c->items);
	*c = (struct changes){ .n_items = 0 };
}

void change_problem(struct change *c, const char *text) {
	free(c->problem);
	c->problem = *text ? strdup(text) : NULL;
}

/* ---- one process ------------------------------------------------------------------------------- */

static int say(struct change *c, enum change_kind kind, const char *reason, const char *keys) {
	c->kind = kind;
	if (asprintf(&c->reason, "%s%s", reason, keys) >= 0)
		return 0;
	c->reason = NULL;
	return -ENOMEM;
}

static bool is_to_restart(const struct change *c, bool restart) {
	return restart ||
		(c->policy->on_change == ON_CHANGE_RESTART &&
			policy_differences_launch(&c->differences) > 0);
}

/* By limits or a timeout, too, a launch may have failed: only how it's judged is no part of that. */
static bool may_mend(const struct policy_differences *d) {
	for (size_t i = 0; i < d->n_items; i++)
		if (strncmp(d->items[i].key, "compliance.", strlen("compliance.")) != 0)
			return true;
	return false;
}

/* One that doesn't run has nothing to lose: where a start is due anyway, the new policy gets it now. */
static int decide_idle(struct change *c) {
	const struct process *p = c->process;
	bool due = p->wanted == WANTED_RUNNING &&
		(p->state == PROCESS_FAILED || p->state == PROCESS_BACKOFF);

	if (c->differences.n_items == 0 && !p->pending)
		return say(c, CHANGE_KEEP, "its policy is the same", "");
	if (due && may_mend(&c->differences))
		return say(c, CHANGE_RESTART, "it doesn't run, and its policy changed", "");
	return say(c, CHANGE_UPDATE, "it doesn't run: its next start follows the new policy", "");
}

/* Part of a launch that the policy only names. */
static bool has_other_environment(struct process *p) {
	char *failure = TAKE(p->failure);
	bool other = p->policy->environment_files && !p->pending && !p->run->outdated &&
		launch_would_differ(p, p->run->plan_hash);

	free(p->failure);
	p->failure = failure;
	return other;
}

static int decide_environment(struct change *c, bool restart) {
	if (restart || c->policy->on_change == ON_CHANGE_RESTART)
		return say(
			c, CHANGE_RESTART, "only a new launch can follow: ", "environment_files");
	c->known = c->process->run->other_environment;
	return say(
		c, CHANGE_PENDING, "restart needed: ", "environment_files say something else now");
}

static int decide_running(struct change *c, bool restart) {
	struct process *p = c->process;
	size_t n_launch;
	char keys[KEYS_TEXT_MAX];

	live_restrict(p, &c->differences);
	n_launch = policy_differences_launch(&c->differences);
	if (c->differences.n_items == 0 && has_other_environment(p))
		return decide_environment(c, restart);
	if (n_launch > 0 || p->run->outdated) {
		(void)policy_differences_text(&c->differences, true, keys, sizeof(keys));
		if (is_to_restart(c, restart))
			return say(c, CHANGE_RESTART, "only a new launch can follow: ",
				n_launch ? keys : "it was started under an older policy");
		c->known = c->differences.n_items == n_launch && p->pending &&
			process_policy_same_launch(p->pending->policy, c->policy);
		if (n_launch > 0)
			return say(c, CHANGE_PENDING, "restart needed: ", keys);
	}
	(void)policy_differences_text(&c->differences, false, keys, sizeof(keys));
	if (c->differences.n_items > 0)
		return say(c, CHANGE_UPDATE, "takes effect as it runs: ", keys);
	if (p->pending)
		return say(c, CHANGE_UPDATE, "its policy is again what it was started under", "");
	return say(c, CHANGE_KEEP, "its policy is the same", "");
}

/* Now: once it's done, the old value is nowhere to be read. */
static int keep_values(struct change *c) {
	c->values = calloc(c->differences.n_items + 1, sizeof(*c->values));
	if (!c->values)
		return -ENOMEM;
	for (size_t i = 0; i < c->differences.n_items; i++) {
		const struct field *f = c->differences.items[i].field;
		struct change_value *v = &c->values[i];

		(void)policy_value_text(f, c->process->policy, v->from, sizeof(v->from));
		(void)policy_value_text(f, c->policy, v->to, sizeof(v->to));
	}
	return 0;
}

static int decide(struct change *c, bool restart) {
	int r;

	if (!c->policy)
		return say(c, CHANGE_STOP, "no policy names it any more", "");
	r = process_policy_differences(c->process->policy, c->policy, &c->differences);
	if (r == 0)
		r = keep_values(c);
	if (r < 0)
		return r;
	return c->process->run ? decide_running(c, restart) : decide_idle(c);
}

/* Not there, or still on its way out: then it comes back under the new policy. */
static int decide_new(struct change *c) {
	return say(c, c->process ? CHANGE_RESTART : CHANGE_START, "its policy is new", "");
}

/* ---- all of them ------------------------------------------------------------------------------- */

static struct change *add(
	struct changes *c, struct process *p, const struct process_policy *policy) {
	struct change *change = &c->items[c->n_items];

	*change = (struct change){ .process = p, .policy = policy };
	change->name = strdup(p ? p->name : policy->name);
	if (!change->name)
		return NULL;
	c->n_items++;
	return change;
}

static int decide_present(const struct manager *m, const struct policy_set *set, bool restart,
	const struct process **claimed, struct changes *ret) {
	for (size_t i = 0; i < m->n_processes; i++) {
		struct process *p = m->processes[i];
		const struct process_policy *policy = policy_set_find(set, p->name);
		struct change *c;
		int r;

		if (policy)
			claimed[policy - set->processes] = p;
		if (p->removed)
			continue;
		c = add(ret, p, policy);
		r = c ? decide(c, restart) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

static int decide_rest(
	const struct policy_set *set, const struct process **claimed, struct changes *ret) {
	for (size_t i = 0; i < set->n_processes; i++) {
		struct change *c;
		int r;

		if (claimed[i] && !claimed[i]->removed)
			continue;
		c = add(ret, (struct process *)claimed[i], &set->processes[i]);
		r = c ? decide_new(c) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

int changes_decide(
	const struct manager *m, const struct policy_set *set, bool restart, struct changes *ret) {
	/* by index of the set: who has this policy already */
	_cleanup_free_ const struct process **claimed = calloc(
		set->n_processes + 1, sizeof(struct process *));
	int r;

	*ret = (struct changes){ .n_items = 0 };
	ret->items = calloc(m->n_processes + set->n_processes + 1, sizeof(*ret->items));
	if (!claimed || !ret->items)
		return -ENOMEM;
	r = decide_present(m, set, restart, claimed, ret);
	return r < 0 ? r : decide_rest(set, claimed, ret);
}

bool changes_any(const struct changes *c) {
	for (size_t i = 0; i < c->n_items; i++)
		if (c->items[i].kind != CHANGE_KEEP && !c->items[i].known)
			return true;
	return false;
}

/* ---- the document ------------------------------------------------------------------------------ */

static void write_diagnostics(struct json *j, const struct diagnostics *d) {
	json_array_begin(j, "diagnostics");
	for (size_t i = 0; i < d->n_items; i++) {
		const struct diagnostic *item = &d->items[i];

		json_object_begin(j, NULL);
		json_string(j, "file", item->file);
		json_int(j, "line", item->line);
		json_int(j, "column", item->column);
		json_string(j, "severity", item->severity == SEVERITY_ERROR ? "error" : "warning");
		json_string(j, "id", item->id);
		json_string(j, "message", item->message);
		json_string(j, "hint", item->hint);
		json_string(j, "source", item->source);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_differences(struct json *j, const struct change *c) {
	json_array_begin(j, "changes");
	for (size_t i = 0; i < c->differences.n_items; i++) {
		json_object_begin(j, NULL);
		json_string(j, "key", c->differences.items[i].key);
		json_string(j, "from", c->values[i].from);
		json_string(j, "to", c->values[i].to);
		json_bool(j, "needs_restart", !c->differences.items[i].live);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_changes(struct json *j, const struct changes *changes) {
	json_array_begin(j, "processes");
	for (size_t i = 0; i < changes->n_items; i++) {
		const struct change *c = &changes->items[i];

		json_object_begin(j, NULL);
		json_string(j, "name", c->name);
		json_string(j, "action", change_kind_to_string(c->kind));
		json_string(j, "reason", c->reason);
		json_string(j, "problem", c->problem ? c->problem : "");
		write_differences(j, c);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_report(struct json *j, const struct change_report *r) {
	static const struct diagnostics no_diagnostics;
	static const struct settings no_settings;
	static const struct host_writes no_writes;
	static const struct changes no_changes;

	json_object_begin(j, NULL);
	json_int(j, "version", 1);
	json_string(j, "result", r->result);
	json_string(j, "problem", r->problem);
	write_diagnostics(j, r->diagnostics ? r->diagnostics : &no_diagnostics);
	status_host(j, r->host ? r->host : &no_settings);
	host_writes_json(j, r->writes ? r->writes : &no_writes);
	write_changes(j, r->changes ? r->changes : &no_changes);
	json_object_end(j);
}

int change_document(const struct change_report *report, char **ret_json) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct json j;

	if (!out)
		return -ENOMEM;
	json_init(&j, out, 0);
	write_report(&j, report);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_json = text;
	return 0;
}
