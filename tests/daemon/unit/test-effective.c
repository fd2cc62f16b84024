/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The judgement about limits, scheduler and CPUs. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "judge.h"

#define MIB (1u << 20)

static const char limit_detail[] = "the limit was changed after the launch, or couldn't be raised";
static const char scheduler_detail[] = "the program changed it after the launch";

static void a_limit_that_differs_is_a_finding(void **state) {
	struct bench *b = *state;

	b->policy.limits[RLIMIT_STACK] = (struct limit){ .set = true, .value = 8 * MIB };
	b->effective.limits[RLIMIT_STACK] = (struct rlimit){ 8 * MIB, 8 * MIB };
	bench_expect_silence(b);
	b->effective.limits[RLIMIT_STACK].rlim_max = RLIM_INFINITY;
	bench_expect_finding(b, "limits.stack", "8M", "soft 8M, hard unlimited", limit_detail);
}

static void counts_are_counts_and_sizes_are_sizes(void **state) {
	struct bench *b = *state;

	b->policy.limits[RLIMIT_NOFILE] = (struct limit){ .set = true, .value = 2048 };
	b->effective.limits[RLIMIT_NOFILE] = (struct rlimit){ 1024, 4096 };
	bench_expect_finding(b, "limits.nofile", "2048", "soft 1024, hard 4096", limit_detail);
	b->policy.limits[RLIMIT_NOFILE].value = BYTES_UNLIMITED;
	bench_expect_finding(b, "limits.nofile", "unlimited", "soft 1024, hard 4096", limit_detail);
}

static void limits_that_the_policy_does_not_name_are_not_judged(void **state) {
	struct bench *b = *state;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (!b->policy.limits[i].set)
			b->effective.limits[i] = (struct rlimit){ 1, 1 };
	bench_expect_silence(b);
}

static void a_limit_that_a_capability_voids_is_a_note(void **state) {
	static const struct {
		int resource, capability;
		const char *rule, *name;
	} rows[] = {
		{ RLIMIT_MEMLOCK, CAP_IPC_LOCK, "limits.memlock", "CAP_IPC_LOCK" },
		{ RLIMIT_RTPRIO, CAP_SYS_NICE, "limits.rtprio", "CAP_SYS_NICE" },
		{ RLIMIT_NICE, CAP_SYS_NICE, "limits.nice", "CAP_SYS_NICE" },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct limit *wanted = &b->policy.limits[rows[i].resource];
		struct rlimit *seen = &b->effective.limits[rows[i].resource];

		*wanted = (struct limit){ .set = true, .value = BYTES_UNLIMITED };
		*seen = (struct rlimit){ 1, 1 };
		b->memory.capabilities_effective = 1ull << rows[i].capability;
		bench_expect_note(b, rows[i].rule, rows[i].name);
		b->memory.capabilities_effective = ~(1ull << rows[i].capability);
		assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
		assert_string_equal(b->findings.items[0].rule, rows[i].rule);
		*seen = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	}
}

static void without_its_capabilities_a_program_is_bound_by_its_limits(void **state) {
	struct bench *b = *state;

	b->evidence.memory = NULL; /* that is where capabilities are read */
	b->effective.limits[RLIMIT_MEMLOCK] = (struct rlimit){ 8 * MIB, 8 * MIB };
	bench_expect_finding(b, "limits.memlock", "unlimited", "soft 8M, hard 8M", limit_detail);
}

static void a_memlock_limit_that_nobody_asked_about_is_a_note(void **state) {
	struct bench *b = *state;

	b->policy.limits[RLIMIT_MEMLOCK].set = false;
	bench_expect_silence(b);
	b->effective.limits[RLIMIT_MEMLOCK] = (struct rlimit){ 8 * MIB, 8 * MIB };
	bench_expect_note(b, "limits.memlock", "no more than 8M can be locked");
	b->policy.memory.lock = LOCK_NONE;
	bench_expect_silence(b);
	b->policy.memory.lock = LOCK_STRICT;
	b->memory.capabilities_effective = 1ull << CAP_IPC_LOCK; /* which makes it void */
	bench_expect_silence(b);
}

static void a_scheduler_that_differs_is_a_finding(void **state) {
	struct bench *b = *state;

	b->policy.scheduling.policy = SCHED_FIFO;
	b->policy.scheduling.priority = 80;
	b->effective.policy = SCHED_FIFO;
	b->effective.priority = 80;
	bench_expect_silence(b);
	b->effective.priority = 10;
	bench_expect_finding(b, "scheduling.priority", "80", "10", scheduler_detail);
	b->effective.policy = SCHED_OTHER;
	b->effective.priority = 0; /* follows from the policy: no finding of its own */
	bench_expect_finding(b, "scheduling.policy", "fifo", "other", scheduler_detail);
	b->effective.policy = 77;
	bench_expect_finding(b, "scheduling.policy", "fifo", "unknown", scheduler_detail);
}

static void a_nice_value_counts_when_it_was_asked_for(void **state) {
	struct bench *b = *state;

	b->effective.nice = 5;
	bench_expect_silence(b);
	b->policy.scheduling.nice_set = true;
	b->policy.scheduling.nice = -5;
	bench_expect_finding(b, "scheduling.nice", "-5", "5", scheduler_detail);
}

static void cpus_that_differ_are_a_finding(void **state) {
	struct bench *b = *state;

	b->effective.cpus[0] = 0xf;
	bench_expect_silence(b);
	b->policy.scheduling.cpus_set = true;
	b->policy.scheduling.cpus[0] = 0xc;
	bench_expect_finding(b, "scheduling.cpus", "2-3", "0-3",
		"the program or a cpuset changed the CPUs of the main thread");
	b->effective.cpus[0] = 0xc;
	bench_expect_silence(b);
	b->effective.cpus[CPU_LIST_WORDS - 1] = 1ull << 63;
	bench_expect_finding(b, "scheduling.cpus", "2-3", "2-3,1023",
		"the program or a cpuset changed the CPUs of the main thread");
}

static void what_could_not_be_read_is_not_judged(void **state) {
	struct bench *b = *state;

	b->policy.scheduling.policy = SCHED_FIFO;
	b->policy.scheduling.cpus_set = true;
	b->policy.scheduling.cpus[0] = 1;
	b->effective.limits[RLIMIT_CORE] = (struct rlimit){ 9, 9 };
	assert_int_equal(bench_judge(b), COMPLIANCE_VIOLATING);
	assert_int_equal(b->findings.n_items, 3);
	b->effective.limits_valid = b->effective.scheduler_valid = b->effective.cpus_valid = false;
	bench_expect_silence(b);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(a_limit_that_differs_is_a_finding),
		CASE(counts_are_counts_and_sizes_are_sizes),
		CASE(limits_that_the_policy_does_not_name_are_not_judged),
		CASE(a_limit_that_a_capability_voids_is_a_note),
		CASE(without_its_capabilities_a_program_is_bound_by_its_limits),
		CASE(a_memlock_limit_that_nobody_asked_about_is_a_note),
		CASE(a_scheduler_that_differs_is_a_finding),
		CASE(a_nice_value_counts_when_it_was_asked_for),
		CASE(cpus_that_differ_are_a_finding),
		CASE(what_could_not_be_read_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
