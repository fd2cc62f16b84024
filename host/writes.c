/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of writes: in which order, and as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "host/job.h"

const char *write_outcome_to_string(enum write_outcome o) {
	static const char *const names[] = {
		[WRITE_PLANNED] = "planned",
		[WRITE_DONE] = "written",
		[WRITE_SHORT] = "short",
		[WRITE_REFUSED] = "refused",
		[WRITE_LEFT] = "left",
	};

	return names[o];
}

static void write_done(struct host_write *w) {
	free(w->setting);
	free(w->from);
	free(w->to);
	free(w->action);
	free(w->reason);
}

void host_writes_done(struct host_writes *w) {
	for (size_t i = 0; i < w->n_items; i++)
		write_done(&w->items[i]);
	free(w->items);
	*w = (struct host_writes){ 0 };
}

size_t host_writes_count(const struct host_writes *w, enum write_outcome outcome) {
	size_t n = 0;

	for (size_t i = 0; i < w->n_items; i++)
		n += w->items[i].outcome == outcome;
	return n;
}

struct host_write *job_add(
	struct job *job, const char *setting, const char *from, const char *to, bool back) {
	struct host_write w = { .back = back, .outcome = WRITE_PLANNED };
	struct host_write *grown = reallocarray(
		job->writes.items, job->writes.n_items + 1, sizeof(*grown));
	char action[SETTING_REASON_MAX];

	if (!grown)
		return NULL;
	job->writes.items = grown;
	w.setting = strdup(setting);
	w.from = strdup(from);
	w.to = strdup(to);
	w.action = strdup(setting_describe_write(job->t->root, setting, to, action));
	w.reason = strdup("");
	if (!w.setting || !w.from || !w.to || !w.action || !w.reason) {
		write_done(&w);
		return NULL;
	}
	grown[job->writes.n_items] = w;
	return &grown[job->writes.n_items++];
}

int write_judge(struct host_write *w, enum write_outcome outcome, const char *reason) {
	w->outcome = outcome;
	return journal_set(&w->reason, reason);
}

/* By insertion: equal ranks keep their order, or are turned round as a whole. */
void job_sort(struct job *job, size_t first, bool back) {
	struct host_write *w = job->writes.items;

	for (size_t i = first; i < job->writes.n_items; i++) {
		struct host_write moving = w[i];
		int rank = setting_order(moving.setting);
		size_t at = i;

		for (; at > first; at--) {
			int before = setting_order(w[at - 1].setting);

			if (back ? before > rank : before <= rank)
				break;
			w[at] = w[at - 1];
		}
		w[at] = moving;
	}
}

void host_writes_json(struct json *j, const struct host_writes *w) {
	json_array_begin(j, "writes");
	for (size_t i = 0; i < w->n_items; i++) {
		const struct host_write *item = &w->items[i];

		json_object_begin(j, NULL);
		json_string(j, "setting", item->setting);
		json_string(j, "from", item->from);
		json_string(j, "to", item->to);
		json_string(j, "action", item->action);
		json_bool(j, "back", item->back);
		json_string(j, "outcome", write_outcome_to_string(item->outcome));
		json_string(j, "reason", item->reason);
		json_object_end(j);
	}
	json_array_end(j);
}

int host_writes_document(
	const char *result, const struct host_writes *w, const char *problem, char **ret_json) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct json j;

	if (!out)
		return -ENOMEM;
	json_init(&j, out, 0);
	json_object_begin(&j, NULL);
	json_int(&j, "version", 1);
	json_string(&j, "result", result);
	json_string(&j, "problem", problem);
	host_writes_json(&j, w);
	json_object_end(&j);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_json = text;
	return 0;
}
