/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "libpolicy/process.h"

#define MIB (1u << 20)

int bench_setup(void **state) {
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	process_init(&b->policy);
	b->policy.memory.lock = LOCK_STRICT;
	b->policy.memory.thp = THP_OFF;
	b->policy.memory.heap.prealloc_bytes = 8 * MIB;
	b->policy.memory.stack.main_bytes = MIB;
	b->policy.limits[RLIMIT_CORE].set = true;
	b->policy.limits[RLIMIT_MEMLOCK] = (struct limit){ .set = true, .value = BYTES_UNLIMITED };
	report_init(&b->report, REPORT_INIT);
	b->report.heap_bytes = 8 * MIB;
	b->report.main_stack_bytes = MIB;
	b->report.unlocked_bytes = 32u << 10;
	b->memory.size_bytes = 64 * MIB;
	b->memory.locked_bytes = 64 * MIB - (32u << 10);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		b->effective.limits[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	b->effective.limits[RLIMIT_CORE] = (struct rlimit){ 0, 0 };
	b->effective.limits_valid = b->effective.scheduler_valid = b->effective.cpus_valid = true;
	b->evidence = (struct evidence){ .running = true,
		.ready = true,
		.injection_wanted = true,
		.report = &b->report,
		.memory = &b->memory,
		.effective = &b->effective };
	*state = b;
	return 0;
}

int bench_teardown(void **state) {
	free(*state);
	return 0;
}

enum compliance bench_judge(struct bench *b) {
	return verdict(&b->policy, &b->evidence, &b->findings);
}

void bench_expect_finding(struct bench *b, const char *rule, const char *wanted, const char *seen,
	const char *detail) {
	(void)bench_judge(b);
	assert_int_equal(b->findings.n_items, 1);
	assert_string_equal(b->findings.items[0].rule, rule);
	assert_string_equal(b->findings.items[0].wanted, wanted);
	assert_string_equal(b->findings.items[0].seen, seen);
	assert_string_equal(b->findings.items[0].detail, detail ? detail : "");
}

void bench_expect_note(struct bench *b, const char *rule, const char *part) {
	assert_int_equal(bench_judge(b), COMPLIANCE_COMPLIANT);
	assert_int_equal(b->findings.n_items, 0);
	assert_int_equal(b->findings.n_notes, 1);
	assert_string_equal(b->findings.notes[0].rule, rule);
	if (!strstr(b->findings.notes[0].detail, part))
		fail_msg("\"%s\" isn't in \"%s\"", part, b->findings.notes[0].detail);
}

void bench_expect_silence(struct bench *b) {
	assert_int_equal(bench_judge(b), COMPLIANCE_COMPLIANT);
	assert_int_equal(b->findings.n_items, 0);
	assert_int_equal(b->findings.n_notes, 0);
}
