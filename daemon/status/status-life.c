/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted of a process, whom it waits for, and what is left of its tree: its part of the document. */
#include "daemon/life/order.h"
#include "daemon/life/tree.h"
#include "daemon/status/status.h"

static void write_waiting(struct json *j, const struct process *p) {
	const struct process *other;

	json_array_begin(j, "waiting_for");
	for (size_t i = 0; p->waiting && (other = order_awaited(p, i)); i++)
		json_string(j, NULL, other->name);
	json_array_end(j);
}

/* Processes whose main process has ended: they go on, or are about to end. */
static void write_rest(struct json *j, const struct process *p) {
	struct members members = { .n_items = 0 };

	json_array_begin(j, "left_behind");
	if (p->rest.behind || (p->state == PROCESS_STOPPING && !p->run))
		tree_list(p, &members);
	for (size_t i = 0; i < members.n_items; i++) {
		json_object_begin(j, NULL);
		json_int(j, "pid", members.items[i].pid);
		json_string(j, "name", members.items[i].name);
		json_object_end(j);
	}
	json_array_end(j);
	members_done(&members);
}

void status_life(struct json *j, const struct process *p) {
	json_string(j, "wanted", wanted_to_string(p->wanted));
	json_string(j, "wanted_by", wanted_by_to_string(p->wanted_by));
	write_waiting(j, p);
	json_string(j, "announced", p->run && p->run->announced ? p->run->announced : "");
	write_rest(j, p);
}
