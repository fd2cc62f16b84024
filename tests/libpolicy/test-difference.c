/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two policies of one process: which keys differ, which a running process can follow, and the mixture. */
#include <stdlib.h>

#include "libpolicy/difference.h"
#include "tests/libpolicy/parse.h"

#define PROCESS "processes:\n  a:\n    command: [/bin/a]\n"

static struct policy_set *parse(const char *keys) {
	char text[1024];

	snprintf(text, sizeof(text), VERSION_LINE PROCESS "%s", keys);
	return parse_good(text);
}

/* "KEY: FROM -> TO" of each, with "!" before those that need a launch */
static void expect(const char *from, const char *to, const char *text) {
	_cleanup_policy_set_ struct policy_set *a = parse(from), *b = parse(to);
	_cleanup_differences_ struct policy_differences d = { .n_items = 0 };
	char line[1024] = "", x[DIFFERENCE_VALUE_MAX], y[DIFFERENCE_VALUE_MAX];
	size_t used = 0;

	assert_return_code(process_policy_differences(&a->processes[0], &b->processes[0], &d), 0);
	for (size_t i = 0; i < d.n_items; i++) {
		const struct field *f = d.items[i].field;

		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s%s: %s -> %s",
			i ? ", " : "", d.items[i].live ? "" : "!", d.items[i].key,
			policy_value_text(f, &a->processes[0], x, sizeof(x)),
			policy_value_text(f, &b->processes[0], y, sizeof(y)));
		assert_true(used < sizeof(line));
	}
	assert_string_equal(line, text);
}

static void the_same_differs_in_nothing(void **state) {
	expect("", "", "");
	expect("    limits: { nofile: 5 }\n", "\n\n    limits: {  nofile: 5  }\n", "");
}

static void each_kind_of_value_is_told_in_words(void **state) {
	expect("    limits: { nofile: 5, as: 1G }\n", "    limits: { nofile: 6, as: unlimited }\n",
		"limits.as: 1G -> unlimited, limits.nofile: 5 -> 6");
	expect("", "    user: robot\n", "!user:  -> robot");
	expect("", "    groups: [video, audio]\n", "!groups:  -> video audio");
	expect("", "    umask: \"0027\"\n", "!umask:  -> 0027");
	expect("", "    memory: { lock: onfault }\n", "!memory.lock: strict -> onfault");
	expect("", "    memory: { heap: { prealloc: 150M } }\n",
		"!memory.heap.prealloc: 0 -> 150M");
	expect("", "    scheduling: { cpus: \"2-3\", nice: -5 }\n",
		"!scheduling.nice:  -> -5, !scheduling.cpus:  -> 2-3");
	expect("", "    capabilities: [ipc_lock]\n", "!capabilities:  -> CAP_IPC_LOCK");
	expect("", "    oom_score_adjust: 0\n", "oom_score_adjust:  -> 0");
	expect("", "    compliance: { interval: 250ms, minor_faults: unlimited }\n",
		"compliance.minor_faults: 0 -> unlimited, compliance.interval: 1s -> 250ms");
	expect("", "    working_directory: /srv\n", "!working_directory:  -> /srv");
	expect("    watchdog: 5s\n", "", "!watchdog: 5s -> 0");
}

static void what_environment_variables_hold_is_not_told(void **state) {
	expect("    environment: { TOKEN: one }\n", "    environment: { TOKEN: two }\n",
		"!environment:  -> ");
}

static void a_lock_lets_memlock_be_raised_alone(void **state) {
	static const char small[] = "    limits: { memlock: 640M }\n";
	static const char large[] = "    limits: { memlock: 1280M }\n";
	static const char free_small[] =
		"    limits: { memlock: 640M }\n    memory: { lock: none }\n";
	static const char free_large[] =
		"    limits: { memlock: 1280M }\n    memory: { lock: none }\n";

	expect(small, large, "limits.memlock: 640M -> 1280M");
	expect(large, small, "!limits.memlock: 1280M -> 640M");
	expect(small, "", "limits.memlock: 640M -> ");
	expect("", small, "!limits.memlock:  -> 640M");
	expect(free_large, free_small, "limits.memlock: 1280M -> 640M");
}

static void the_list_of_keys_is_cut_visibly(void **state) {
	_cleanup_policy_set_ struct policy_set *a = parse("");
	_cleanup_policy_set_ struct policy_set *b = parse(
		"    user: robot\n    umask: \"0027\"\n    limits: { nofile: 7 }\n");
	_cleanup_differences_ struct policy_differences d = { .n_items = 0 };
	char text[64];

	assert_return_code(process_policy_differences(&a->processes[0], &b->processes[0], &d), 0);
	assert_int_equal(policy_differences_launch(&d), 2);
	assert_string_equal(policy_differences_text(&d, false, text, sizeof(text)),
		"user, umask, limits.nofile");
	assert_string_equal(policy_differences_text(&d, true, text, sizeof(text)), "user, umask");
	assert_string_equal(policy_differences_text(&d, false, text, 12), "user, u ...");
}

static void the_mixture_follows_what_it_can(void **state) {
	_cleanup_policy_set_ struct policy_set *a = parse(
		"    user: robot\n    limits: { nofile: 5 }\n");
	_cleanup_policy_set_ struct policy_set *b = parse(
		"    user: pilot\n    limits: { nofile: 6 }\n    oom_score_adjust: 7\n"
		"    after: [b]\n    compliance: { minor_faults: 9 }\n  b: { command: [/bin/b] }\n");
	_cleanup_differences_ struct policy_differences d = { .n_items = 0 };
	const struct process_policy *from = &a->processes[0], *to = &b->processes[0];
	struct process_policy mixed;

	assert_return_code(process_policy_differences(from, to, &d), 0);
	process_policy_merge(from, to, &d, &mixed);
	assert_string_equal(mixed.user, "robot");
	assert_int_equal(mixed.limits[RLIMIT_NOFILE].value, 6);
	assert_true(mixed.oom_score_adjust_set);
	assert_int_equal(mixed.oom_score_adjust, 7);
	assert_string_equal(mixed.after[0], "b");
	assert_int_equal(mixed.compliance.minor_faults, 9);
	assert_true(process_policy_same_launch(from, &mixed));
	assert_true(process_policy_same_watch(to, &mixed));
}

/* A mixture after a mixture: the set of the first is let go then, and nothing may be borrowed from it. */
static void the_next_mixture_borrows_nothing_from_the_one_before(void **state) {
	static const char *const texts[] = { "    user: u1\n",
		"    user: u2\n    after: [b]\n  b: { command: [/bin/b] }\n",
		"    user: u3\n    after: [b]\n  b: { command: [/bin/b] }\n" };
	_cleanup_policy_set_ struct policy_set *a = parse(texts[0]);
	_cleanup_policy_set_ struct policy_set *b = parse(texts[1]);
	_cleanup_policy_set_ struct policy_set *c = parse(texts[2]);
	_cleanup_differences_ struct policy_differences first = { .n_items = 0 };
	_cleanup_differences_ struct policy_differences second = { .n_items = 0 };
	struct process_policy mixed, again;

	assert_return_code(
		process_policy_differences(&a->processes[0], &b->processes[0], &first), 0);
	process_policy_merge(&a->processes[0], &b->processes[0], &first, &mixed);
	assert_return_code(process_policy_differences(&mixed, &c->processes[0], &second), 0);
	process_policy_merge(&mixed, &c->processes[0], &second, &again);
	assert_ptr_equal(again.after, c->processes[0].after);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_differs_in_nothing),
		cmocka_unit_test(each_kind_of_value_is_told_in_words),
		cmocka_unit_test(what_environment_variables_hold_is_not_told),
		cmocka_unit_test(a_lock_lets_memlock_be_raised_alone),
		cmocka_unit_test(the_list_of_keys_is_cut_visibly),
		cmocka_unit_test(the_mixture_follows_what_it_can),
		cmocka_unit_test(the_next_mixture_borrows_nothing_from_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
