/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judgement, rule by rule: silent without evidence and when all is as wanted, else one finding. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "judge.h"

#define KIB (1u << 10)
#define MIB (1u << 20)

/* ---- what the judgement comes to -------------------------------------------------------------- */

static void everything_as_wanted_is_compliant(void **state) {
	bench_expect_silence(*state);
}

static void the_result_follows_from_running_ready_late_and_report(void **state) {
	static const struct {
		bool running, ready, late, wanted, reported, faulted;
		enum compliance result;
	} rows[] = {
		/* without a process nothing else counts */
		{ false, true, true, true, false, true, COMPLIANCE_STOPPED },
		{ false, false, false, false, true, false, COMPLIANCE_STOPPED },
		/* before ready everything is preparation, until it takes too long */
		{ true, false, false, true, true, true, COMPLIANCE_PENDING },
		{ true, false, false, true, false, true, COMPLIANCE_PENDING },
		{ true, false, true, true, true, false, COMPLIANCE_VIOLATING },
		{ true, false, true, false, false, false, COMPLIANCE_VIOLATING },
		{ true, false, true, true, false, false, COMPLIANCE_UNPROTECTED },
		/* ready */
		{ true, true, false, true, true, false, COMPLIANCE_COMPLIANT },
		{ true, true, true, true, true, false, COMPLIANCE_COMPLIANT },
		{ true, true, false, false, false, false, COMPLIANCE_COMPLIANT },
		{ true, true, false, true, true, true, COMPLIANCE_VIOLATING },
		{ true, true, false, false, false, true, COMPLIANCE_VIOLATING },
		/* a library that didn't report outweighs every other finding */
		{ true, true, false, true, false, false, COMPLIANCE_UNPROTECTED },
		{ true, true, false, true, false, true, COMPLIANCE_UNPROTECTED },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b->evidence.running = rows[i].running;
		b->evidence.ready = rows[i].ready;
		b->evidence.late = rows[i].late;
		b->evidence.injection_wanted = rows[i].wanted;
		b->evidence.report = rows[i].reported ? &b->report : NULL;
		b->evidence.faults.minor = rows[i].faulted;
		if (bench_judge(b) != rows[i].result)
			fail_msg("row %zu: %s", i, compliance_to_string(bench_judge(b)));
	}
}

static void every_result_has_a_name(void **state) {
	for (enum compliance c = 0; c < COMPLIANCE_MAX; c++)
		assert_non_null(compliance_to_string(c));
	assert_string_equal(compliance_to_string(COMPLIANCE_UNPROTECTED), "unprotected");
}

static void an_earlier_judgement_leaves_nothing_behind(void **state) {
	struct bench *b = *state;

	b->evidence.faults.minor = 3;
	b->evidence.faults_from_proc = true;
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	b->evidence.faults.minor = 0;
	b->evidence.faults_from_proc = false;
	bench_expect_silence(b);
}

static void evidence_that_is_missing_says_nothing(void **state) {
	struct bench *b = *state;

	b->evidence.memory = NULL;
	b->evidence.effective = NULL;
	b->evidence.injection_wanted = false;
	b->evidence.report = NULL;
	bench_expect_silence(b);
	b->effective = (struct effective){ .policy = 99 };
	b->evidence.effective = &b->effective;
	bench_expect_silence(b);
}

static void more_findings_than_fit_are_dropped(void **state) {
	struct bench *b = *state;

	for (int i = 0; i < FINDINGS_MAX + 3; i++)
		findings_add(&b->findings, "rule", "a", "b", NULL);
	for (int i = 0; i < NOTES_MAX + 3; i++)
		findings_note(&b->findings, "rule", "%d", i);
	assert_int_equal(b->findings.n_items, FINDINGS_MAX);
	assert_int_equal(b->findings.n_notes, NOTES_MAX);
}

static void texts_that_are_too_long_are_cut(void **state) {
	struct bench *b = *state;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	findings_add(&b->findings, text, text, text, text);
	assert_int_equal(strlen(b->findings.items[0].rule), sizeof(b->findings.items[0].rule) - 1);
	assert_int_equal(
		strlen(b->findings.items[0].detail), sizeof(b->findings.items[0].detail) - 1);
}

/* ---- stopped, not ready ----------------------------------------------------------------------- */

static void a_failed_launch_says_why(void **state) {
	struct bench *b = *state;

	b->evidence.running = false;
	b->evidence.failure = "exit status 3";
	bench_expect_finding(b, "launch", "running", "failed", "exit status 3");
	b->evidence.failure = NULL;
	assert_int_equal(bench_judge(b), COMPLIANCE_STOPPED);
	assert_int_equal(b->findings.n_items, 0);
}

static void who_is_late_is_told_what_stood_in_the_way(void **state) {
	struct bench *b = *state;

	b->evidence.ready = false;
	b->evidence.late = true;
	b->policy.ready = (struct ready_policy){ READY_NOTIFY, .timeout_usec = 1500000 };
	b->evidence.unready = "no READY=1 from the main process (pid 7)";
	bench_expect_finding(b, "ready", "notify within 1500ms",
		"no READY=1 from the main process (pid 7)", NULL);
	b->evidence.unready = NULL;
	bench_expect_finding(b, "ready", "notify within 1500ms", "not ready", NULL);
}

/* ---- injection and report --------------------------------------------------------------------- */

static void a_library_that_did_not_report_is_a_finding(void **state) {
	struct bench *b = *state;

	b->evidence.report = NULL;
	b->evidence.injection_cause = "it is a static program";
	bench_expect_finding(
		b, "injection", "library loaded", "no report", "it is a static program");
	b->evidence.injection_cause = NULL;
	assert_int_equal(bench_judge(b), COMPLIANCE_UNPROTECTED);
	assert_non_null(strstr(b->findings.items[0].detail, "isn't known"));
}

static void a_partial_report_names_step_and_cause(void **state) {
	struct bench *b = *state;

	b->report.kind = REPORT_INIT_PARTIAL;
	snprintf(b->report.step, sizeof(b->report.step), "mlockall");
	snprintf(b->report.text, sizeof(b->report.text), "no permission");
	bench_expect_finding(b, "injection", "all of the policy", "mlockall", "no permission");
}

static void less_heap_than_asked_is_a_finding(void **state) {
	struct bench *b = *state;

	b->report.heap_bytes = 6 * MIB;
	bench_expect_finding(b, "heap_prealloc", "8M", "6M",
		"less free heap was made present than the policy asks for");
	b->report.heap_bytes = 9 * MIB;
	bench_expect_silence(b);
	b->policy.memory.heap.prealloc_bytes = 0;
	b->report.heap_bytes = 0;
	bench_expect_silence(b);
}

static void a_main_stack_that_is_not_deep_enough_is_a_finding(void **state) {
	struct bench *b = *state;

	b->report.main_stack_bytes = 512 * KIB;
	bench_expect_finding(b, "stack.main", "1M", "512K",
		"the main thread's stack isn't present as deep as the policy asks for");
	b->policy.memory.stack.main_bytes = 0;
	bench_expect_silence(b);
}

static void dumpable_counts_only_with_a_core_limit_of_0(void **state) {
	struct bench *b = *state;

	b->report.dumpable = 1;
	bench_expect_finding(
		b, "dumpable", "0", "1", "core dumps through a pipe ignore the core limit of 0");
	b->policy.limits[RLIMIT_CORE].set = false;
	bench_expect_silence(b);
	b->policy.limits[RLIMIT_CORE] = (struct limit){ .set = true, .value = 1 };
	b->effective.limits[RLIMIT_CORE] = (struct rlimit){ 1, 1 };
	bench_expect_silence(b);
}

/* ---- faults ----------------------------------------------------------------------------------- */

static void faults_beyond_the_budget_are_findings(void **state) {
	struct bench *b = *state;

	b->policy.compliance.minor_faults = 10;
	b->evidence.faults.minor = 10;
	bench_expect_silence(b);
	b->evidence.faults.minor = 11;
	b->evidence.faults_detail = "11 in thread worker (tid 5)";
	bench_expect_finding(b, "minor_faults", "10", "11", "11 in thread worker (tid 5)");
	b->evidence.faults = (struct fault_count){ .major = 1 };
	bench_expect_finding(b, "major_faults", "0", "1", "11 in thread worker (tid 5)");
	b->policy.compliance.major_faults = BYTES_UNLIMITED;
	b->evidence.faults.major = UINT64_MAX;
	bench_expect_silence(b);
}

static void a_fault_of_locked_memory_that_may_move_names_the_sysctl(void **state) {
	struct bench *b = *state;

	b->evidence.faults = (struct fault_count){ .minor = 1 };
	b->evidence.faults_detail = "1 in thread worker (tid 5)";
	b->evidence.pages_move = true;
	bench_expect_finding(b, "minor_faults", "0", "1",
		"1 in thread worker (tid 5); the kernel may move locked pages here, which shows as a "
		"minor fault (vm.compact_unevictable_allowed is 1)");
	b->policy.memory.lock = LOCK_NONE;
	bench_expect_finding(b, "minor_faults", "0", "1", "1 in thread worker (tid 5)");
}

static void counting_from_proc_is_noted_with_its_cause(void **state) {
	struct bench *b = *state;

	b->evidence.faults_from_proc = true;
	b->evidence.perf_error = -EACCES;
	bench_expect_note(b, "faults", "(Permission denied)");
	bench_expect_note(b, "faults", "kernel.perf_event_paranoid <= 2");
	b->evidence.perf_error = -EPERM;
	bench_expect_note(b, "faults", "seccomp");
	b->evidence.perf_error = -EMFILE;
	bench_expect_note(b, "faults", "LimitNOFILE=");
	b->evidence.perf_error = -ENFILE;
	bench_expect_note(b, "faults", "fs.file-max");
	b->evidence.perf_error = 0;
	bench_expect_note(b, "faults", "no reason known");
}

/* ---- memory ----------------------------------------------------------------------------------- */

static void memory_that_is_not_locked_is_a_finding(void **state) {
	struct bench *b = *state;

	b->memory.locked_bytes -= MIB;
	bench_expect_finding(b, "lock", "strict: at most 32K unlocked", "1.0M unlocked of 64.0M",
		"the program called munlock() or mlockall() itself, or mapped device memory, which "
		"can't be locked");
	b->policy.memory.lock = LOCK_ONFAULT;
	b->memory.locked_bytes = 0;
	bench_expect_finding(b, "lock", "onfault: at most 32K unlocked", "64.0M unlocked of 64.0M",
		"nothing is locked: the program called munlockall(), or the lock never took");
}

static void a_lock_that_nobody_reported_is_not_judged(void **state) {
	struct bench *b = *state;

	b->evidence.report = NULL;
	b->memory.locked_bytes = 0;
	assert_int_equal(bench_judge(b), COMPLIANCE_UNPROTECTED);
	assert_int_equal(b->findings.n_items, 1);
	assert_string_equal(b->findings.items[0].rule, "injection");
}

static void huge_pages_count_as_locked(void **state) {
	struct bench *b = *state;

	b->memory.locked_bytes -= 4 * MIB;
	b->memory.hugetlb_bytes = 4 * MIB;
	bench_expect_silence(b);
	b->memory.hugetlb_bytes = 128 * MIB; /* more than there is */
	bench_expect_silence(b);
}

static void a_report_can_not_talk_the_unlockable_part_up(void **state) {
	struct bench *b = *state;

	b->report.unlocked_bytes = UINT64_MAX;
	b->memory.locked_bytes = b->memory.size_bytes - UNLOCKABLE_BYTES_MAX;
	bench_expect_silence(b);
	b->memory.locked_bytes -= 4 * KIB;
	bench_expect_finding(b, "lock", "strict: at most 64K unlocked", "68.0K unlocked of 64.0M",
		"the program called munlock() or mlockall() itself, or mapped device memory, which "
		"can't be locked");
}

static void balanced_wants_no_more_than_the_heap(void **state) {
	static const char detail[] =
		"the program called munlock() or munlockall() after it became ready";
	struct bench *b = *state;

	b->policy.memory.lock = LOCK_BALANCED;
	b->memory.locked_bytes = 8 * MIB;
	bench_expect_silence(b);
	b->memory.locked_bytes = 4 * MIB;
	bench_expect_finding(b, "lock", "balanced: at least 8M locked", "4M", detail);
	b->policy.memory.heap.prealloc_bytes = 0;
	b->report.heap_bytes = 0;
	bench_expect_silence(b);
	b->memory.locked_bytes = 0;
	bench_expect_finding(b, "lock", "balanced: at least something locked", "0", detail);
}

static void without_a_lock_nothing_about_locks_and_swap_is_judged(void **state) {
	struct bench *b = *state;

	b->policy.memory.lock = LOCK_NONE;
	b->memory.locked_bytes = 0;
	b->memory.swap_bytes = MIB;
	bench_expect_silence(b);
}

static void swapped_pages_are_a_finding(void **state) {
	struct bench *b = *state;

	b->memory.swap_bytes = 12 * KIB;
	bench_expect_finding(
		b, "swap", "0", "12K", "pages were swapped out: they can't have been locked");
}

static void huge_pages_that_came_back_are_a_finding(void **state) {
	struct bench *b = *state;

	b->memory.thp_enabled = true;
	bench_expect_finding(b, "thp", "off", "on",
		"the program switched transparent huge pages on again (PR_SET_THP_DISABLE)");
	b->policy.memory.thp = THP_DEFAULT;
	bench_expect_silence(b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(everything_as_wanted_is_compliant),
		CASE(the_result_follows_from_running_ready_late_and_report),
		CASE(every_result_has_a_name),
		CASE(an_earlier_judgement_leaves_nothing_behind),
		CASE(evidence_that_is_missing_says_nothing),
		CASE(more_findings_than_fit_are_dropped),
		CASE(texts_that_are_too_long_are_cut),
		CASE(a_failed_launch_says_why),
		CASE(who_is_late_is_told_what_stood_in_the_way),
		CASE(a_library_that_did_not_report_is_a_finding),
		CASE(a_partial_report_names_step_and_cause),
		CASE(less_heap_than_asked_is_a_finding),
		CASE(a_main_stack_that_is_not_deep_enough_is_a_finding),
		CASE(dumpable_counts_only_with_a_core_limit_of_0),
		CASE(faults_beyond_the_budget_are_findings),
		CASE(a_fault_of_locked_memory_that_may_move_names_the_sysctl),
		CASE(counting_from_proc_is_noted_with_its_cause),
		CASE(memory_that_is_not_locked_is_a_finding),
		CASE(a_lock_that_nobody_reported_is_not_judged),
		CASE(huge_pages_count_as_locked),
		CASE(a_report_can_not_talk_the_unlockable_part_up),
		CASE(balanced_wants_no_more_than_the_heap),
		CASE(without_a_lock_nothing_about_locks_and_swap_is_judged),
		CASE(swapped_pages_are_a_finding),
		CASE(huge_pages_that_came_back_are_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
