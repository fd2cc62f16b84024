/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reload means for each process: old set x new set -> one change each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/reload/change.h"
#include "daemon/reload/pending.h"
#include "house.h"

#define HEAD "version: 1\nprocesses:\n"

/* "NAME kind, NAME kind", in the order in which they would be carried out */
static void expect_these(
	const struct manager *m, const struct policy_set *set, bool restart, const char *text) {
	CLEANUP(changes_done) struct changes c = { .n_items = 0 };
	char line[256] = "";
	size_t used = 0;

	assert_return_code(changes_decide(m, set, restart, &c), 0);
	for (size_t i = 0; i < c.n_items; i++) {
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s %s", i ? ", " : "",
			c.items[i].name, change_kind_to_string(c.items[i].kind));
		assert_true(used < sizeof(line));
		assert_non_null(c.items[i].reason);
		assert_int_equal(!c.items[i].process, c.items[i].kind == CHANGE_START);
		assert_int_equal(!c.items[i].policy, c.items[i].kind == CHANGE_STOP);
		if (c.items[i].policy)
			assert_ptr_equal(c.items[i].policy, policy_set_find(set, c.items[i].name));
	}
	assert_string_equal(line, text);
}

static void expect_changes(
	const struct manager *m, const struct policy_set *set, const char *text) {
	expect_these(m, set, false, text);
}

static void expect_reload(struct house *h, const char *now, const char *text) {
	_cleanup_policy_set_ struct policy_set *set = house_parse(now);

	expect_changes(&h->manager, set, text);
}

static void the_same_policy_changes_nothing(void **state) {
	static const char policy[] = HEAD
		"  a: { command: [/bin/a] }\n  b: { command: [/bin/b] }\n";
	struct house *h = *state;
	_cleanup_policy_set_ struct policy_set *set = house_parse(policy);
	CLEANUP(changes_done) struct changes c = { .n_items = 0 };

	house_move_in(h, policy);
	expect_changes(&h->manager, set, "a keep, b keep");
	assert_return_code(changes_decide(&h->manager, set, false, &c), 0);
	assert_false(changes_any(&c));
}

static void processes_come_and_go(void **state) {
	house_move_in(*state, HEAD "  a: { command: [/bin/a] }\n  b: { command: [/bin/b] }\n");
	expect_reload(*state, HEAD "  b: { command: [/bin/b] }\n  c: { command: [/bin/c] }\n",
		"a stop, b keep, c start");
}

static void from_nothing_and_to_nothing(void **state) {
	struct house *h = *state;

	expect_reload(h, "version: 1\n", "");
	expect_reload(h, HEAD "  a: { command: [/bin/a] }\n", "a start");
	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	expect_reload(h, "version: 1\n", "a stop");
}

static void a_new_name_is_a_new_process(void **state) {
	house_move_in(*state, HEAD "  a: { command: [/bin/a] }\n");
	expect_reload(*state, HEAD "  b: { command: [/bin/a] }\n", "a stop, b start");
}

static void expect_each(
	struct house *h, const char *const *keys, size_t n, bool restart, const char *text) {
	for (size_t i = 0; i < n; i++) {
		_cleanup_policy_set_ struct policy_set *set = NULL;
		char policy[256];

		snprintf(policy, sizeof(policy), HEAD "  a:\n    command: [/bin/a]\n    %s\n",
			keys[i]);
		print_message("%s\n", keys[i]);
		set = house_parse(policy);
		expect_these(&h->manager, set, restart, text);
	}
}

static void what_the_launch_depends_on_waits_for_a_restart(void **state) {
	static const char *const keys[] = { "user: \"7\"", "group: \"7\"", "groups: [\"7\"]",
		"environment: { A: b }", "working_directory: /tmp", "capabilities: [ipc_lock]",
		"limits: { core: 0 }", "limits: { stack: 4M }",
		"scheduling: { policy: fifo, priority: 5 }", "scheduling: { nice: -5 }",
		"scheduling: { cpus: \"0\" }", "memory: { lock: onfault }",
		"memory: { thp: default }", "memory: { heap: { prealloc: 1M } }",
		"memory: { heap: { arenas: 2 } }", "memory: { stack: { main: 2M } }",
		"memory: { stack: { threads: 256K } }", "ready: { when: exec }",
		"ready: { when: settle, settle: 700ms }" };
	struct house *h = *state;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	(void)house_run(h, "a");
	expect_each(h, keys, ARRAY_LEN(keys), false, "a pending");
	expect_each(h, keys, ARRAY_LEN(keys), true, "a restart");
	expect_reload(h, HEAD "  a: { command: [/bin/a, x] }\n", "a pending");
	expect_reload(h, HEAD "  a: { command: [/bin/a, x], on_change: restart }\n", "a restart");
	expect_reload(h, HEAD "  a: { command: [/bin/a], on_change: restart }\n", "a update");
}

static void what_a_running_process_takes_over_updates(void **state) {
	static const char *const keys[] = { "ready: { when: settle, timeout: 5s }",
		"compliance: { minor_faults: 1 }", "compliance: { major_faults: 1 }",
		"compliance: { interval: 2s }", "compliance: { on_violation: stop }",
		"restart: { when: always }", "restart: { delay: 2s }", "restart: { limit: 9 }",
		"restart: { window: 2min }", "stop: { timeout: 3s }", "oom_score_adjust: 5",
		"memory: { host_reserve: 1M }", "memory: { stack: { expected_threads: 9 } }" };
	struct house *h = *state;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	(void)house_run(h, "a");
	expect_each(h, keys, ARRAY_LEN(keys), false, "a update");
	expect_each(h, keys, ARRAY_LEN(keys), true, "a update");
	expect_reload(h, HEAD "  a: { command: [/bin/b], restart: { limit: 9 } }\n", "a pending");
}

static void a_running_process_takes_over_whom_it_comes_after(void **state) {
	struct house *h = *state;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n  b: { command: [/bin/b] }\n");
	(void)house_run(h, "a");
	expect_reload(h,
		HEAD "  a: { command: [/bin/a], after: [b] }\n  b: { command: [/bin/b] }\n",
		"a update, b keep");
}

/* Nothing is lost by it: what failed under the old policy gets the new one now. */
static void what_does_not_run_follows_at_its_next_start(void **state) {
	static const char changed[] = HEAD "  a: { command: [/bin/b] }\n";
	struct house *h = *state;
	struct process *p;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	p = h->manager.processes[0];
	expect_reload(h, changed, "a update");
	p->state = PROCESS_FAILED;
	expect_reload(h, changed, "a update");
	p->wanted = WANTED_RUNNING;
	expect_reload(h, changed, "a restart");
	expect_reload(h, HEAD "  a: { command: [/bin/a], compliance: { minor_faults: 1 } }\n",
		"a update");
	expect_reload(h, HEAD "  a: { command: [/bin/a], limits: { nofile: 64 } }\n", "a restart");
	p->state = PROCESS_BACKOFF;
	expect_reload(h, changed, "a restart");
}

static void what_waits_is_compared_with_the_launch(void **state) {
	static const char launched[] = HEAD "  a: { command: [/bin/a] }\n";
	static const char changed[] = HEAD
		"  a: { command: [/bin/a, x], compliance: { minor_faults: 1 } }\n";
	struct house *h = *state;
	_cleanup_policy_set_ struct policy_set *set = house_parse(changed);
	CLEANUP(changes_done) struct changes c = { .n_items = 0 }, again = { .n_items = 0 };
	struct process *p;

	house_move_in(h, launched);
	p = house_run(h, "a");
	assert_return_code(changes_decide(&h->manager, set, false, &c), 0);
	assert_int_equal(c.items[0].kind, CHANGE_PENDING);
	assert_string_equal(c.items[0].reason, "restart needed: command");
	assert_true(changes_any(&c));
	assert_return_code(pending_set(p, set, c.items[0].policy, &c.items[0].differences), 0);
	assert_int_equal(p->policy->compliance.minor_faults, 1);
	assert_null(p->policy->command[1]);
	/* told once more, but it's nothing new */
	assert_return_code(changes_decide(&h->manager, set, false, &again), 0);
	assert_int_equal(again.items[0].kind, CHANGE_PENDING);
	assert_false(changes_any(&again));
	changes_done(&again);
	assert_return_code(changes_decide(&h->manager, set, true, &again), 0);
	assert_int_equal(again.items[0].kind, CHANGE_RESTART);
	assert_true(changes_any(&again));
	expect_reload(h, launched, "a update");
	pending_take(p);
	assert_string_equal(p->policy->command[1], "x");
	assert_false(pending_any(p));
}

static void a_process_on_its_way_out_that_is_wanted_again_restarts(void **state) {
	struct house *h = *state;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	h->manager.processes[0]->removed = true;
	expect_reload(h, HEAD "  a: { command: [/bin/a] }\n", "a restart");
	expect_reload(h, "version: 1\n", ""); /* it has been told to end already */
}

static void where_a_policy_stands_is_no_change(void **state) {
	house_move_in(*state, HEAD "  a: { command: [/bin/a], memory: { lock: strict } }\n");
	expect_reload(*state,
		"version: 1\n\n# moved, and defaults left out\nprocesses:\n"
		"\n  a: { command: [/bin/a] }\n",
		"a keep");
}

static void the_document_says_what_and_why(void **state) {
	struct house *h = *state;
	_cleanup_policy_set_ struct policy_set *set = house_parse(
		HEAD "  b: { command: [/bin/b] }\n");
	CLEANUP(changes_done) struct changes c = { .n_items = 0 };
	struct diagnostic item = { .file = (char *)"a.yaml",
		.line = 3,
		.column = 5,
		.severity = SEVERITY_WARNING,
		.id = "an-id",
		.message = (char *)"a \"message\"",
		.hint = (char *)"a hint",
		.source = (char *)"a: b" };
	const struct diagnostics d = { .items = &item, .n_items = 1 };
	const struct change_report report = {
		.result = "applied", .problem = "", .diagnostics = &d, .changes = &c
	};
	_cleanup_free_ char *json = NULL;

	house_move_in(h, HEAD "  a: { command: [/bin/a] }\n");
	assert_return_code(changes_decide(&h->manager, set, false, &c), 0);
	assert_true(changes_any(&c));
	assert_return_code(change_document(&report, &json), 0);
	assert_string_equal(json,
		"{\"version\": 1, \"result\": \"applied\", \"problem\": \"\", \"diagnostics\": [{\"file\": \"a.yaml\", "
		"\"line\": 3, \"column\": 5, \"severity\": \"warning\", \"id\": \"an-id\", "
		"\"message\": \"a \\\"message\\\"\", \"hint\": \"a hint\", \"source\": \"a: b\"}], "
		"\"host\": [], \"writes\": [], "
		"\"processes\": [{\"name\": \"a\", \"action\": \"stop\", "
		"\"reason\": \"no policy names it any more\", \"problem\": \"\", \"changes\": []}, "
		"{\"name\": \"b\", \"action\": \"start\", \"reason\": \"its policy is new\", "
		"\"problem\": \"\", \"changes\": []}]}");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(the_same_policy_changes_nothing),
		CASE(processes_come_and_go),
		CASE(from_nothing_and_to_nothing),
		CASE(a_new_name_is_a_new_process),
		CASE(what_the_launch_depends_on_waits_for_a_restart),
		CASE(what_a_running_process_takes_over_updates),
		CASE(a_running_process_takes_over_whom_it_comes_after),
		CASE(what_does_not_run_follows_at_its_next_start),
		CASE(what_waits_is_compared_with_the_launch),
		CASE(a_process_on_its_way_out_that_is_wanted_again_restarts),
		CASE(where_a_policy_stands_is_no_change),
		CASE(the_document_says_what_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
