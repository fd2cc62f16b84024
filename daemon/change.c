/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Old processes x new policies -> one change each. Only what the launch depends on costs a restart;
 * a new fault budget or interval is taken over by the process as it runs.
 */
#include "daemon/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/status.h"

const char *change_kind_to_string(enum change_kind kind) {
	static const char *const names[CHANGE_KIND_MAX] = {
		[CHANGE_KEEP] = "keep",
		[CHANGE_START] = "start",
		[CHANGE_RESTART] = "restart",
		[CHANGE_STOP] = "stop",
		[CHANGE_UPDATE] = "update",
	};

	return names[kind];
}

void changes_done(struct changes *c) {
	for (size_t i = 0; i < c->n_items; i++)
		free(c->items[i].name);
	free(c->items);
	*c = (struct changes){ .n_items = 0 };
}

static int add(struct changes *c, struct change change, const char *name) {
	struct change *grown = realloc(c->items, (c->n_items + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	c->items = grown;
	change.name = strdup(name);
	if (!change.name)
		return -ENOMEM;
	c->items[c->n_items++] = change;
	return 0;
}

static struct change decide(struct process *p, const struct process_policy *policy) {
	struct change c = { .kind = CHANGE_KEEP,
		.reason = "its policy is the same",
		.process = p,
		.policy = policy };

	if (!policy) {
		c.kind = CHANGE_STOP;
		c.reason = "no policy names it any more";
	} else if (!process_policy_same_launch(p->policy, policy)) {
		c.kind = CHANGE_RESTART;
		c.reason = "its policy changed in a way that only a new launch can follow";
	} else if (!process_policy_same_watch(p->policy, policy)) {
		c.kind = CHANGE_UPDATE;
		c.reason = "what is allowed while it runs changed";
	}
	return c;
}

int changes_decide(const struct manager *m, const struct policy_set *set, struct changes *ret) {
	int r = 0;

	for (size_t i = 0; i < m->n_processes && r == 0; i++) {
		struct process *p = m->processes[i];

		if (!p->removed)
			r = add(ret, decide(p, policy_set_find(set, p->name)), p->name);
	}
	for (size_t i = 0; i < set->n_processes && r == 0; i++) {
		const struct process_policy *policy = &set->processes[i];
		struct process *p = manager_find(m, policy->name);
		struct change c = { .kind = CHANGE_START, .reason = "its policy is new" };

		if (p && !p->removed)
			continue;
		c.policy = policy;
		if (p) { /* still on its way out: it comes back under the new policy */
			c.kind = CHANGE_RESTART;
			c.process = p;
		}
		r = add(ret, c, policy->name);
	}
	return r;
}

bool changes_any(const struct changes *c) {
	for (size_t i = 0; i < c->n_items; i++)
		if (c->items[i].kind != CHANGE_KEEP)
			return true;
	return false;
}

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

static void write_changes(struct json *j, const struct changes *changes) {
	json_array_begin(j, "processes");
	for (size_t i = 0; i < changes->n_items; i++) {
		json_object_begin(j, NULL);
		json_string(j, "name", changes->items[i].name);
		json_string(j, "action", change_kind_to_string(changes->items[i].kind));
		json_string(j, "reason", changes->items[i].reason);
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
