/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "libpolicy/diagnostic.h"
#include "libpolicy/set.h"
#include "support/tree.h"

int house_setup(void **state) {
	struct house *h = calloc(1, sizeof(*h));

	if (!h)
		return -1;
	log_init(LOG_ERR);
	h->tree = tree_new();
	h->options = (struct options){ .runtime_dir = h->tree, .state_dir = h->tree, .root = "" };
	h->manager = (struct manager){
		.options = &h->options, .lock_fd = -1, .notify_fd = -1, .bus_fd = -1
	};
	assert_return_code(sd_event_new(&h->manager.event), 0);
	*state = h;
	return 0;
}

int house_teardown(void **state) {
	struct house *h = *state;
	struct manager *m = &h->manager;

	for (size_t i = 0; i < m->n_processes; i++)
		process_free(m->processes[i]);
	free(m->processes);
	policy_set_unref(m->set);
	sd_event_source_disable_unref(m->tick);
	sd_event_source_disable_unref(m->order);
	sd_event_source_disable_unref(m->reaper);
	sd_event_unref(m->event);
	tree_free(h->tree);
	free(h);
	return 0;
}

struct policy_set *house_parse(const char *text) {
	_cleanup_diagnostics_ struct diagnostics d = { .n_items = 0 };
	struct policy_set *set = NULL;
	int r = policy_set_parse("test.yaml", text, strlen(text), &set, &d);

	if (d.n_items > 0)
		diagnostics_print(&d, stderr, false);
	assert_return_code(r, -r);
	return set;
}

void house_move_in(struct house *h, const char *text) {
	h->manager.set = house_parse(text);
	for (size_t i = 0; i < h->manager.set->n_processes; i++) {
		struct process *p = process_new(
			&h->manager, h->manager.set, &h->manager.set->processes[i]);

		assert_non_null(p);
		assert_return_code(manager_add(&h->manager, p), 0);
	}
}

struct process *house_run(struct house *h, const char *name) {
	struct process *p = manager_find(&h->manager, name);

	assert_non_null(p);
	p->run = calloc(1, sizeof(*p->run));
	assert_non_null(p->run);
	p->run->pid = HOUSE_PID;
	p->run->pidfd = p->run->report_fd = p->run->status_fd = p->run->statm_fd = -1;
	p->state = PROCESS_STARTING;
	p->compliance = COMPLIANCE_PENDING;
	return p;
}
