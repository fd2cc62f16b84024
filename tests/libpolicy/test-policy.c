/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From text to the typed policy: values, defaults, inheritance, and when two need the same launch. */
#include "libpolicy/policy.h"

#include <linux/capability.h>
#include <sched.h>

#include "tests/libpolicy/parse.h"

#define PROCESS VERSION_LINE "processes:\n  a:\n    command: [/bin/a]\n"

static void every_value_of_the_contract_arrives(void **state) {
	_cleanup_policy_set_ struct policy_set *s = parse_good(VERSION_LINE
		"processes:\n"
		"  camera:\n"
		"    command: [/usr/bin/camera-node, --fps, \"60\"]\n"
		"    user: robot\n"
		"    environment: { ROS_DOMAIN_ID: \"7\" }\n"
		"    capabilities: [ipc_lock, sys_nice]\n"
		"    limits: { memlock: unlimited, core: 0, rtprio: 80 }\n"
		"    scheduling: { policy: fifo, priority: 80, cpus: \"2-3\" }\n"
		"    memory:\n"
		"      lock: strict\n"
		"      heap: { prealloc: 150M, arenas: 1, allocator: glibc }\n"
		"      stack: { main: 2M, threads: 256K }\n"
		"      thp: off\n"
		"    ready: { when: notify, timeout: 20s }\n"
		"    compliance: { minor_faults: 3, major_faults: 1, interval: 2s, "
		"on_violation: stop }\n"
		"    restart: { when: on-failure, delay: 3s, limit: 4, window: 50s }\n");
	const struct process_policy *p = policy_set_find(s, "camera");

	assert_non_null(p);
	assert_int_equal(p->place.line, 3);
	assert_string_equal(p->command[2], "60");
	assert_null(p->command[3]);
	assert_string_equal(p->user, "robot");
	assert_string_equal(p->environment[0], "ROS_DOMAIN_ID=7");
	assert_true(p->capabilities_set);
	assert_int_equal(p->capabilities, 1 << CAP_IPC_LOCK | 1 << CAP_SYS_NICE);
	assert_true(p->limits[RLIMIT_MEMLOCK].set);
	assert_true(p->limits[RLIMIT_MEMLOCK].value == BYTES_UNLIMITED);
	assert_int_equal(p->limits[RLIMIT_MEMLOCK].place.line, 8);
	assert_true(p->limits[RLIMIT_CORE].set);
	assert_int_equal(p->limits[RLIMIT_RTPRIO].value, 80);
	assert_false(p->limits[RLIMIT_STACK].set);
	assert_int_equal(p->scheduling.policy, SCHED_FIFO);
	assert_int_equal(p->scheduling.priority, 80);
	assert_true(p->scheduling.cpus_set);
	assert_int_equal(p->scheduling.cpus[0], 0xc);
	assert_int_equal(p->memory.lock, LOCK_STRICT);
	assert_int_equal(p->memory.heap.prealloc_bytes, 150 << 20);
	assert_int_equal(p->memory.stack.main_bytes, 2 << 20);
	assert_int_equal(p->memory.stack.threads_bytes, 256 << 10);
	assert_int_equal(p->memory.thp, THP_OFF);
	assert_int_equal(p->ready.when, READY_NOTIFY);
	assert_int_equal(p->ready.timeout_usec, 20000000);
	assert_int_equal(p->compliance.minor_faults, 3);
	assert_int_equal(p->compliance.major_faults, 1);
	assert_int_equal(p->compliance.interval_usec, 2000000);
	assert_int_equal(p->compliance.on_violation, VIOLATION_STOP);
	assert_int_equal(p->restart.when, RESTART_ON_FAILURE);
	assert_int_equal(p->restart.delay_usec, 3000000);
	assert_int_equal(p->restart.limit, 4);
	assert_int_equal(p->restart.window_usec, 50000000);
}

static void what_is_not_written_has_its_default(void **state) {
	_cleanup_policy_set_ struct policy_set *s = parse_good(PROCESS);
	const struct process_policy *p = policy_set_find(s, "a");

	assert_null(p->user);
	assert_null(p->groups);
	assert_null(p->environment);
	assert_false(p->capabilities_set);
	assert_false(p->oom_score_adjust_set);
	assert_int_equal(p->scheduling.policy, -1);
	assert_false(p->scheduling.nice_set);
	assert_false(p->scheduling.cpus_set);
	assert_int_equal(p->memory.lock, LOCK_STRICT);
	assert_int_equal(p->memory.heap.prealloc_bytes, 0);
	assert_int_equal(p->memory.heap.arenas, 0);
	assert_int_equal(heap_arenas(&p->memory.heap), 1);
	assert_int_equal(p->memory.stack.main_bytes, 1 << 20);
	assert_int_equal(p->memory.stack.threads_bytes, 0);
	assert_int_equal(p->memory.stack.expected_threads, 8);
	assert_int_equal(p->memory.thp, THP_OFF);
	assert_int_equal(p->ready.when, READY_SETTLE);
	assert_int_equal(p->ready.settle_usec, 500000);
	assert_int_equal(p->ready.timeout_usec, 30000000);
	assert_int_equal(p->compliance.minor_faults, 0);
	assert_int_equal(p->compliance.interval_usec, 1000000);
	assert_int_equal(p->compliance.on_violation, VIOLATION_REPORT);
	assert_int_equal(p->restart.when, RESTART_NO);
	assert_int_equal(p->restart.delay_usec, 1000000);
	assert_int_equal(p->restart.limit, 5);
	assert_int_equal(p->restart.window_usec, 60000000);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		assert_false(p->limits[i].set);
}

static void inheritance_merges_mappings_and_replaces_the_rest(void **state) {
	_cleanup_policy_set_ struct policy_set *s = parse_good(
		VERSION_LINE "defaults:\n"
			     "  memory: { lock: onfault, thp: default, heap: { prealloc: 1M } }\n"
			     "profiles:\n"
			     "  base:\n"
			     "    command: [/bin/base, -v]\n"
			     "    groups: [a, b]\n"
			     "    environment: { A: base, B: base }\n"
			     "    memory: { lock: balanced, stack: { threads: 64K } }\n"
			     "  other:\n"
			     "    inherits: base\n"
			     "    environment: { B: other, C: other }\n"
			     "    memory: { stack: { main: 2M } }\n"
			     "processes:\n"
			     "  p:\n"
			     "    inherits: [other]\n"
			     "    command: [/bin/p]\n"
			     "    groups: []\n"
			     "    environment: { C: own }\n"
			     "    memory: { heap: { arenas: 2 } }\n");
	const struct process_policy *p = policy_set_find(s, "p");
	const struct process_policy *profile = policy_set_find_profile(s, "other");

	assert_int_equal(strv_length(p->command), 1);
	assert_string_equal(p->command[0], "/bin/p");
	assert_non_null(p->groups);
	assert_int_equal(strv_length(p->groups), 0);
	assert_string_equal(strv_env_get(p->environment, "A"), "base");
	assert_string_equal(strv_env_get(p->environment, "B"), "other");
	assert_string_equal(strv_env_get(p->environment, "C"), "own");
	assert_int_equal(p->memory.lock, LOCK_BALANCED);
	assert_int_equal(p->memory.thp, THP_DEFAULT);
	assert_int_equal(p->memory.heap.prealloc_bytes, 1 << 20);
	assert_int_equal(p->memory.heap.arenas, 2);
	assert_int_equal(p->memory.stack.threads_bytes, 64 << 10);
	assert_int_equal(p->memory.stack.main_bytes, 2 << 20);
	assert_int_equal(profile->memory.thp, THP_OFF); /* defaults: are for processes */
	assert_string_equal(profile->command[1], "-v");
}

static void the_later_profile_wins(void **state) {
	_cleanup_policy_set_ struct policy_set *s = parse_good(
		VERSION_LINE "profiles:\n"
			     "  a: { user: a, group: a }\n"
			     "  b: { user: b }\n"
			     "processes:\n"
			     "  ab: { command: [x], inherits: [a, b] }\n"
			     "  ba: { command: [x], inherits: [b, a] }\n"
			     "  aba: { command: [x], inherits: [a, b, a] }\n");

	assert_string_equal(policy_set_find(s, "ab")->user, "b");
	assert_string_equal(policy_set_find(s, "ab")->group, "a");
	assert_string_equal(policy_set_find(s, "ba")->user, "a");
	assert_string_equal(policy_set_find(s, "aba")->user, "a");
}

static void settings_of_the_host_are_named_as_status_names_them(void **state) {
	_cleanup_policy_set_ struct policy_set *s = parse_good(
		VERSION_LINE "host:\n"
			     "  hugepages: { 2048KiB: 64, 1G: { node1: 2 } }\n"
			     "  transparent_hugepage: never\n"
			     "  sysctl: { vm.swappiness: 0, kernel.core_pattern: core }\n");
	static const char *const wanted[][2] = {
		{ "hugepages.2M", "64" },
		{ "hugepages.1G.node1", "2" },
		{ "transparent_hugepage", "never" },
		{ "sysctl.vm.swappiness", "0" },
		{ "sysctl.kernel.core_pattern", "core" },
	};

	assert_int_equal(s->n_wishes, ARRAY_LEN(wanted));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_string_equal(s->wishes[i].setting, wanted[i][0]);
		assert_string_equal(s->wishes[i].wanted, wanted[i][1]);
		assert_ptr_equal(s->wishes[i].place.file, s->files[0]);
	}
}

static void references_keep_a_set_alive(void **state) {
	struct policy_set *s = parse_good(PROCESS);
	struct policy_set *other = policy_set_ref(s);

	assert_null(policy_set_unref(s));
	assert_non_null(policy_set_find(other, "a"));
	assert_null(policy_set_find(other, "b"));
	assert_null(policy_set_unref(other));
	assert_null(policy_set_unref(NULL));
}

static bool same_launch(const char *a, const char *b) {
	_cleanup_policy_set_ struct policy_set *sa = NULL, *sb = NULL;
	char text[1024];

	snprintf(text, sizeof(text), PROCESS "%s", a);
	sa = parse_good(text);
	snprintf(text, sizeof(text), "# moved\n" PROCESS "%s", b);
	sb = parse_good(text);
	return process_policy_same_launch(&sa->processes[0], &sb->processes[0]);
}

static void compliance_restart_and_places_need_no_new_launch(void **state) {
	assert_true(same_launch("", ""));
	assert_true(same_launch("    compliance: { minor_faults: 3, interval: 5s }\n", ""));
	assert_true(same_launch("    restart: { when: always, delay: 3s }\n", ""));
	assert_true(same_launch("    ready: { timeout: 3s }\n", ""));
	assert_true(same_launch("    limits: { nofile: 99, rtprio: 3 }\n", ""));
	assert_true(same_launch("    oom_score_adjust: 0\n", ""));
	assert_true(same_launch("    memory: { lock: strict }\n", "    memory: {}\n"));
}

static void what_the_program_would_notice_needs_a_new_launch(void **state) {
	static const char *const changes[] = {
		"    user: root\n",
		"    groups: []\n",
		"    environment: { A: b }\n",
		"    working_directory: /\n",
		"    capabilities: []\n",
		"    limits: { core: 0 }\n",
		"    scheduling: { nice: 0 }\n",
		"    scheduling: { cpus: 0 }\n",
		"    memory: { lock: none }\n",
		"    memory: { heap: { prealloc: 4K } }\n",
		"    memory: { stack: { threads: 64K } }\n",
		"    memory: { thp: default }\n",
		"    ready: { when: notify }\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		assert_false(same_launch(changes[i], ""));
		assert_true(same_launch(changes[i], changes[i]));
	}
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_the_contract_arrives),
		cmocka_unit_test(what_is_not_written_has_its_default),
		cmocka_unit_test(inheritance_merges_mappings_and_replaces_the_rest),
		cmocka_unit_test(the_later_profile_wins),
		cmocka_unit_test(settings_of_the_host_are_named_as_status_names_them),
		cmocka_unit_test(references_keep_a_set_alive),
		cmocka_unit_test(compliance_restart_and_places_need_no_new_launch),
		cmocka_unit_test(what_the_program_would_notice_needs_a_new_launch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
