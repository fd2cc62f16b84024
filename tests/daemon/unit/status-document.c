/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-document NAME: the status of a made-up manager, which compare-document.py compares with
 * tests/daemon/golden/NAME.json.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/status/status.h"
#include "house.h"

static const char policy[] = "version: 1\n"
			     "processes:\n"
			     "  camera: { command: [/bin/camera] }\n"
			     "  lidar: { command: [/bin/lidar] }\n"
			     "  planner: { command: [/bin/planner] }\n"
			     "  logger: { command: [/bin/logger] }\n";

static void empty(struct house *h) {
	(void)h;
}

static void add_finding(struct process *p, const char *rule, const char *wanted, const char *seen,
	const char *detail) {
	struct findings *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	findings_add(f, rule, wanted, seen, detail);
	p->findings = malloc(sizeof(*p->findings));
	assert_non_null(p->findings);
	p->findings[0] = f->items[0];
	p->n_findings = 1;
	free(f);
}

/* Two children, one of them without a lock */
static void give_life(struct run *r) {
	static const struct child children[] = {
		{ .pid = 131, .name = "helper", .locked_bytes = 2u << 20 },
		{ .pid = 132, .name = "sh" }
	};

	r->children.items = malloc(sizeof(children));
	assert_non_null(r->children.items);
	memcpy(r->children.items, children, sizeof(children));
	r->children.n_items = ARRAY_LEN(children);
}

/* Everything that a document can hold: faults, threads that have ended, limits, notes. */
static void make_camera(struct house *h) {
	struct process *p = house_run(h, "camera");
	struct run *r = p->run;

	p->state = PROCESS_RUNNING;
	p->compliance = COMPLIANCE_VIOLATING;
	p->n_restarts = 2;
	add_finding(p, "minor_faults", "0", "3", "3 in thread worker (tid 124)");
	p->notes = calloc(1, sizeof(*p->notes));
	assert_non_null(p->notes);
	p->n_notes = 1;
	snprintf(p->notes->rule, sizeof(p->notes->rule), "limits.memlock");
	snprintf(p->notes->detail, sizeof(p->notes->detail), "doesn't bind \"here\"");
	r->ready = r->memory_valid = r->effective_valid = true;
	r->report = calloc(1, sizeof(*r->report));
	assert_non_null(r->report);
	report_init(r->report, REPORT_INIT);
	r->report->heap_bytes = 150u << 20;
	r->since_ready = (struct fault_count){ .minor = 3, .major = 1 };
	r->memory = (struct process_memory){ .size_bytes = 200u << 20,
		.locked_bytes = 199u << 20,
		.rss_bytes = 180u << 20,
		.swap_bytes = 4096 };
	r->effective.limits_valid = true;
	r->effective.limits[RLIMIT_MEMLOCK] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	r->faults.threads = calloc(3, sizeof(*r->faults.threads));
	assert_non_null(r->faults.threads);
	r->faults.n_threads = 3;
	r->faults.threads[0] = (struct thread_faults){ 124, "worker", .count = { 3, 0 } };
	r->faults.threads[1] = (struct thread_faults){ 125, "idle" }; /* ended without a fault */
	r->faults.threads[2] = (struct thread_faults){ 126, "(ended)", .count = { 0, 1 } };
	give_life(r);
}

/* Just launched: nothing is known yet, but how far it is. */
static void make_lidar(struct house *h) {
	struct process *p = house_run(h, "lidar");

	p->run->faults.from_proc = true;
	p->run->progress = strdup("prefault 40 % of 8.0G");
	p->run->effective_valid = p->run->effective.limits_valid = true;
	p->run->effective.limits[RLIMIT_MEMLOCK] = (struct rlimit){ 8u << 20, RLIM_INFINITY };
}

static void mixed(struct house *h) {
	static struct setting_state host[] = {
		{ (char *)"hugepages.2M", (char *)"64", (char *)"60", (char *)"0", SETTING_DRIFT,
			(char *)"the kernel found no more", { "/etc/rtmem.d/a.yaml", 4, 3 } },
		{ (char *)"sysctl.vm.swappiness", (char *)"0", (char *)"0", NULL, SETTING_OK,
			(char *)"", { "/etc/rtmem.d/a.yaml", 5, 3 } },
		{ (char *)"transparent_hugepage", (char *)"never", (char *)"", NULL,
			SETTING_NOT_APPLICABLE, (char *)"this kernel has none",
			{ "/etc/rtmem.d/a.yaml", 6, 3 } },
	};
	struct process *p;

	house_move_in(h, policy);
	h->manager.host = (struct settings){ host, ARRAY_LEN(host) };
	make_camera(h);
	make_lidar(h);
	p = manager_find(&h->manager, "planner");
	p->state = PROCESS_FAILED;
	add_finding(p, "launch", "running", "failed", "the command: No such file or directory");
}

static const struct {
	const char *name;
	void (*make)(struct house *h);
	const char *only; /* one process of it */
} documents[] = {
	{ "empty", empty, NULL },
	{ "mixed", mixed, NULL },
	{ "one", mixed, "logger" },
};

int main(int argc, char *argv[]) {
	_cleanup_free_ char *text = NULL;
	struct house *h;

	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(documents); i++) {
		if (strcmp(argv[1], documents[i].name) != 0)
			continue;
		if (house_setup((void **)&h) < 0)
			return 1;
		documents[i].make(h);
		assert_return_code(
			status_document(&h->manager,
				documents[i].only ? manager_find(&h->manager, documents[i].only)
						  : NULL,
				&text),
			0);
		puts(text);
		return house_teardown((void **)&h);
	}
	fprintf(stderr, "usage: status-document empty|mixed|one\n");
	return 2;
}
