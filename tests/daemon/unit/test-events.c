/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program did after its start: counted, kept within bounds, and judged by what it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "judge.h"

#define MIB (1u << 20)
#define WHO "thread worker (tid 7) at node+0x12 (run)"

static struct events events;

static int setup(void **state) {
	struct bench *b;

	if (bench_setup(state) < 0)
		return -1;
	b = *state;
	b->policy.fork = FORK_REPORT;
	b->evidence.events = &events;
	return 0;
}

static int teardown(void **state) {
	events_done(&events);
	return bench_teardown(state);
}

static void did(const char *call, const char *text) {
	events_told(&events, call, true, text);
}

/* ---- keeping ----------------------------------------------------------------------------------- */

static void the_same_call_is_counted_and_the_last_text_kept(void **state) {
	did("fork", "first");
	did("fork", "second");
	assert_int_equal(events.n_items, 1);
	assert_int_equal(events.items[0].n, 2);
	assert_string_equal(events.items[0].last, "second");
}

static void before_and_after_ready_are_told_apart(void **state) {
	did("fork", "after");
	events_add(&events, "fork", "", false, 1, "before");
	assert_int_equal(events.n_items, 2);
}

static void names_that_are_too_long_are_one_row_each(void **state) {
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	events_add(&events, name, name, true, 1, name);
	events_add(&events, name, name, true, 1, name);
	assert_int_equal(events.n_items, 1);
	assert_int_equal(events.items[0].n, 2);
}

static void a_flood_of_kinds_fills_no_memory_and_is_noted(void **state) {
	struct bench *b = *state;
	char name[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "section %d", i);
		events_add(&events, "section", name, false, 1, "");
	}
	assert_int_equal(events.n_items, EVENTS_MAX);
	assert_int_equal(events.n_more, 1000 - EVENTS_MAX);
	assert_int_equal(bench_judge(b), COMPLIANCE_COMPLIANT);
	assert_true(b->findings.n_notes > 0);
}

/* ---- judging ----------------------------------------------------------------------------------- */

static void what_breaks_the_promise_is_a_finding(void **state) {
	static const char *const rows[][4] = {
		{ "fork", "fork", "no fork once ready", "fork once" },
		{ "mlockall", "lock", "the lock stays as it was made", "mlockall once" },
		{ "munlockall", "lock", "the lock stays as it was made", "munlockall once" },
		{ "malloc_trim", "heap_prealloc", "the heap stays as it was made present",
			"malloc_trim once" },
		{ "thread-stack", "stack", "stacks are present before a thread runs",
			"thread-stack once" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		did(rows[i][0], WHO);
		bench_expect_finding(*state, rows[i][1], rows[i][2], rows[i][3], WHO);
		events_done(&events);
	}
}

static void repeated_calls_are_counted(void **state) {
	did("fork", "somewhere");
	did("fork", "somewhere");
	did("fork", WHO);
	bench_expect_finding(*state, "fork", "no fork once ready", "fork 3 times", WHO);
}

static void forks_that_the_policy_allows_say_nothing(void **state) {
	struct bench *b = *state;

	did("fork", WHO);
	did("child", WHO);
	b->policy.fork = FORK_ALLOW;
	bench_expect_silence(b);
	b->policy.fork = FORK_REPORT;
	b->policy.memory.lock = LOCK_NONE;
	bench_expect_silence(b);
}

static void a_fork_that_could_not_be_made_good_is_a_finding(void **state) {
	struct bench *b = *state;

	b->policy.fork = FORK_PRECOPY;
	did("fork", "precopy can't take the pages back");
	bench_expect_finding(
		b, "fork", "no fork once ready", "fork once", "precopy can't take the pages back");
}

static void a_child_of_unknown_making_is_a_note(void **state) {
	did("child", WHO);
	bench_expect_note(*state, "fork", WHO);
}

static void what_comes_before_ready_is_a_note(void **state) {
	events_add(&events, "munlockall", "", false, 1, WHO);
	bench_expect_note(*state, "lock", "before it was ready: munlockall once, last: " WHO);
}

static void an_effect_that_is_seen_gets_its_cause(void **state) {
	struct bench *b = *state;

	b->memory.locked_bytes -= MIB;
	did("munlock", WHO);
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	assert_int_equal(b->findings.n_items, 1);
	assert_non_null(strstr(b->findings.items[0].detail, "; munlock once, last: " WHO));
}

static void a_range_that_was_unlocked_may_be_gone_already(void **state) {
	did("munlock", WHO);
	bench_expect_note(*state, "lock", "munlock once, last: " WHO);
}

static void huge_pages_are_judged_by_their_effect(void **state) {
	struct bench *b = *state;

	did("prctl", "thread a (tid 7): transparent huge pages are back, though memory.thp is off");
	bench_expect_note(b, "thp", "thread a (tid 7)");
	b->memory.thp_enabled = true;
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	assert_int_equal(b->findings.n_items, 1);
	assert_non_null(strstr(b->findings.items[0].detail, "thread a (tid 7)"));
}

static void dumpable_can_not_be_seen_so_the_event_counts(void **state) {
	did("prctl", "thread a (tid 7): the program can dump core again");
	bench_expect_finding(*state, "dumpable", "0", "prctl once",
		"thread a (tid 7): the program can dump core again");
}

static void what_prctl_undid_first_is_not_forgotten(void **state) {
	struct bench *b = *state;

	did("prctl", "thread a (tid 7): the program can dump core again");
	did("prctl", "thread b (tid 8): transparent huge pages are back");
	did("setrlimit", "thread a: the stack limit is below memory.stack.main now");
	did("setrlimit", "thread a: the memlock limit was lowered");
	(void)bench_judge(b);
	assert_int_equal(b->findings.n_items, 2);
	assert_string_equal(b->findings.items[0].rule, "dumpable");
	assert_string_equal(b->findings.items[1].rule, "limits.stack");
	assert_int_equal(b->findings.n_notes, 2);
}

static void a_limit_is_named_and_judged_where_nobody_else_does(void **state) {
	struct bench *b = *state;

	did("setrlimit", "thread a: the stack limit is below memory.stack.main now");
	bench_expect_finding(b, "limits.stack", "the limit stays as it was", "setrlimit once",
		"thread a: the stack limit is below memory.stack.main now");
	events_done(&events);
	did("setrlimit", "thread a: the core limit was raised");
	bench_expect_note(b, "limits.core", "thread a"); /* in the policy, and 0 again */
	events_done(&events);
	did("setrlimit", "thread a: the memlock limit was lowered");
	bench_expect_note(b, "limits.memlock", "thread a");
	events_done(&events);
	did("setrlimit", "no limit is named");
	bench_expect_finding(
		b, "limits", "the limit stays as it was", "setrlimit once", "no limit is named");
}

static void another_program_is_a_finding_unless_it_is_locked_too(void **state) {
	struct bench *b = *state;

	did("exec", "executed /bin/other");
	bench_expect_note(b, "exec", "/bin/other"); /* children: inherit */
	b->memory.locked_bytes = 0;
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	assert_int_equal(b->findings.n_items, 2);
	assert_string_equal(b->findings.items[0].rule, "lock");
	assert_string_equal(b->findings.items[1].rule, "exec");
	assert_string_equal(b->findings.items[1].detail, "executed /bin/other");
}

static void a_program_executed_before_ready_counts_too(void **state) {
	struct bench *b = *state;

	events_add(&events, "exec", "", false, 1, "executed /bin/other");
	b->memory.locked_bytes = 0;
	(void)bench_judge(b);
	assert_string_equal(b->findings.items[1].rule, "exec");
}

static void a_section_that_faulted_is_a_finding(void **state) {
	events_add(&events, "section", "control loop", true, 3,
		"3 minor, 0 major in thread control (tid 9)");
	bench_expect_finding(*state, "section", "0 faults", "3 in control loop",
		"3 minor, 0 major in thread control (tid 9)");
}

static void a_call_that_nobody_knows_says_nothing(void **state) {
	did("reboot", WHO);
	bench_expect_silence(*state);
}

/* ---- heap, stacks and children, whose evidence comes from outside ------------------------------ */

static void a_heap_that_shrank_is_a_finding(void **state) {
	struct bench *b = *state;

	b->evidence.heap_missing_bytes = 2 * MIB;
	bench_expect_finding(b, "heap_prealloc", "8M", "6.0M",
		"the heap is smaller than it was made: the program called malloc_trim() or brk()");
	b->evidence.heap_missing_bytes = UINT64_MAX;
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
}

static void too_little_stack_left_is_a_finding(void **state) {
	struct bench *b = *state;
	struct stack s = {
		.tid = 9, .known = true, .range = { 0x10000, 0x50000 }, .deepest = 0x14000
	};

	b->evidence.tightest = &s;
	b->evidence.tightest_thread = "control";
	b->policy.memory.stack.margin_bytes = 16u << 10;
	bench_expect_silence(b);
	b->policy.memory.stack.margin_bytes = 32u << 10;
	bench_expect_finding(b, "stack", "at least 32K unused", "16.0K left of 256K",
		"thread control (tid 9) has used 240K of its stack at some time: raise "
		"memory.stack.threads, or the size that the program asks for");
	b->evidence.tightest_is_main = true;
	(void)bench_judge(b);
	assert_non_null(strstr(b->findings.items[0].detail, "raise memory.stack.main"));
}

static void a_child_that_is_not_locked_is_a_finding_where_it_shall_be(void **state) {
	static const struct child child = { .pid = 12, .name = "helper" };
	struct bench *b = *state;

	b->evidence.unlocked_child = &child;
	bench_expect_silence(b);
	b->policy.children = CHILDREN_INHERIT;
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	assert_string_equal(b->findings.items[0].rule, "children");
	assert_string_equal(b->findings.items[0].seen, "nothing locked in helper (pid 12)");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(the_same_call_is_counted_and_the_last_text_kept),
		CASE(before_and_after_ready_are_told_apart),
		CASE(names_that_are_too_long_are_one_row_each),
		CASE(a_flood_of_kinds_fills_no_memory_and_is_noted),
		CASE(what_breaks_the_promise_is_a_finding),
		CASE(repeated_calls_are_counted),
		CASE(forks_that_the_policy_allows_say_nothing),
		CASE(a_fork_that_could_not_be_made_good_is_a_finding),
		CASE(a_child_of_unknown_making_is_a_note),
		CASE(what_comes_before_ready_is_a_note),
		CASE(an_effect_that_is_seen_gets_its_cause),
		CASE(a_range_that_was_unlocked_may_be_gone_already),
		CASE(huge_pages_are_judged_by_their_effect),
		CASE(dumpable_can_not_be_seen_so_the_event_counts),
		CASE(what_prctl_undid_first_is_not_forgotten),
		CASE(a_limit_is_named_and_judged_where_nobody_else_does),
		CASE(another_program_is_a_finding_unless_it_is_locked_too),
		CASE(a_program_executed_before_ready_counts_too),
		CASE(a_section_that_faulted_is_a_finding),
		CASE(a_call_that_nobody_knows_says_nothing),
		CASE(a_heap_that_shrank_is_a_finding),
		CASE(too_little_stack_left_is_a_finding),
		CASE(a_child_that_is_not_locked_is_a_finding_where_it_shall_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
