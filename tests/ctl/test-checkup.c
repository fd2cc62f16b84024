/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor says about facts that were made up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/units.h"
#include "ctl/checkup.h"

#define MIB (UINT64_C(1) << 20)

/* A process of 100 MiB, all of it locked, on a machine without vices */
static void setup_facts(struct checkup_facts *f) {
	memset(f, 0, sizeof(*f));
	f->pid = 42;
	diagnose_facts_init(&f->lock.d);
	f->memory.size_bytes = f->memory.locked_bytes = 100 * MIB;
	f->locked_pages_move = 0;
	f->realtime_share_usec = -1;
}

static const struct remark *find(const struct remarks *r, const char *subject) {
	for (size_t i = 0; i < r->n_items; i++)
		if (strcmp(r->items[i].subject, subject) == 0)
			return &r->items[i];
	return NULL;
}

static void expect(const struct checkup_facts *f, const char *subject, enum remark_kind kind,
	const char *words) {
	const struct remark *found;
	struct remarks r;

	checkup(f, &r);
	found = find(&r, subject);
	assert_non_null(found);
	assert_int_equal(found->kind, kind);
	assert_non_null(strstr(found->text, words));
}

static void what_is_locked_is_no_problem(void **state) {
	struct checkup_facts f;
	struct remarks r;

	setup_facts(&f);
	f.memory.size_bytes += 64 << 10; /* vdso and vvar */
	expect(&f, "lock", REMARK_OK, "all of 100M is locked");
	checkup(&f, &r);
	assert_int_equal(remarks_worst(&r), REMARK_OK);
}

static void a_missing_lock_says_whether_it_could_be_had(void **state) {
	struct checkup_facts f;

	setup_facts(&f);
	f.memory.locked_bytes = 0;
	expect(&f, "lock", REMARK_PROBLEM, "nothing stands in the way");
	f.lock.d.memlock_soft = f.lock.d.memlock_hard = 64 << 10;
	f.lock.d.needed_bytes = 100 * MIB;
	expect(&f, "lock", REMARK_PROBLEM, "the memlock limit is too low");
	f.lock.d.cap_ipc_lock = true;
	expect(&f, "lock", REMARK_PROBLEM, "nothing stands in the way");
	expect(&f, "memlock", REMARK_OK, "doesn't bind");
	f.lock.d.user_namespace = true;
	expect(&f, "lock", REMARK_PROBLEM, "the memlock limit is too low");
	expect(&f, "memlock", REMARK_OK, "doesn't count in a user namespace");
}

static void a_part_that_is_not_locked_is_told(void **state) {
	struct checkup_facts f;

	setup_facts(&f);
	f.memory.locked_bytes = 60 * MIB;
	expect(&f, "lock", REMARK_PROBLEM, "40.0M of 100M aren't locked");
	f.memory.hugetlb_bytes = 40 * MIB;
	expect(&f, "lock", REMARK_OK, "all of");
}

static void a_control_group_that_is_too_small_is_named(void **state) {
	struct checkup_facts f;

	setup_facts(&f);
	f.memory.locked_bytes = 0;
	f.lock.d.needed_bytes = 100 * MIB;
	f.lock.d.cgroup_limit = 50 * MIB;
	f.lock.d.cgroup_path = "/sys/fs/cgroup/x/memory.max";
	expect(&f, "lock", REMARK_PROBLEM, "/sys/fs/cgroup/x/memory.max");
}

static void a_trial_that_failed_is_diagnosed(void **state) {
	struct checkup_facts f;

	setup_facts(&f);
	f.pid = 0;
	f.tried = true;
	f.lock.d.error = EPERM;
	f.lock.d.seccomp = 2;
	f.lock.d.cap_ipc_lock = true;
	expect(&f, "lock", REMARK_PROBLEM, "a seccomp filter forbids it");
	expect(&f, "seccomp", REMARK_ADVICE, "filter of system calls");
	f.lock.d.error = 0;
	expect(&f, "lock", REMARK_OK, "16M");
	f.realtime_error = EPERM;
	expect(&f, "realtime", REMARK_ADVICE, "LimitRTPRIO=");
	f.perf_error = EACCES;
	expect(&f, "counters", REMARK_ADVICE, "CAP_PERFMON");
}

static void vices_of_the_machine_are_advice(void **state) {
	struct checkup_facts f;
	struct remarks r;

	setup_facts(&f);
	f.swap_on = true;
	f.locked_pages_move = 1;
	f.realtime_share_usec = 950000;
	strcpy(f.transparent_hugepage, "always");
	expect(&f, "swap", REMARK_ADVICE, "swap: off");
	expect(&f, "compaction", REMARK_ADVICE, "vm.compact_unevictable_allowed: 0");
	expect(&f, "throttling", REMARK_ADVICE, "rt_throttling");
	expect(&f, "hugepages", REMARK_ADVICE, "memory.thp: off");
	checkup(&f, &r);
	assert_int_equal(remarks_worst(&r), REMARK_ADVICE);
	f.memory.swap_bytes = MIB;
	expect(&f, "swapped", REMARK_PROBLEM, "1.0M are swapped out");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_locked_is_no_problem),
		cmocka_unit_test(a_missing_lock_says_whether_it_could_be_had),
		cmocka_unit_test(a_part_that_is_not_locked_is_told),
		cmocka_unit_test(a_control_group_that_is_too_small_is_named),
		cmocka_unit_test(a_trial_that_failed_is_diagnosed),
		cmocka_unit_test(vices_of_the_machine_are_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
