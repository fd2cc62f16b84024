/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One errno, many causes: each row of facts must be answered by its own cause and remedy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/diagnose.h"
#include "common/units.h"

#define MIB (UINT64_C(1) << 20)

struct row {
	const char *name;
	void (*set)(struct diagnose_facts *f);
	const char *says[3]; /* all of these stand in the text */
};

static void by_filter(struct diagnose_facts *f) {
	f->error = EPERM;
	f->seccomp = 2;
	f->cap_ipc_lock = true;
}

static void by_filter_under_a_limit(struct diagnose_facts *f) {
	f->error = EPERM;
	f->seccomp = 2;
	f->memlock_soft = 8 * MIB;
}

static void by_limit_zero(struct diagnose_facts *f) {
	f->error = EPERM;
	f->memlock_soft = f->memlock_hard = 0;
	f->seccomp = 2; /* a filter is there, but the limit alone suffices */
}

static void by_memlock(struct diagnose_facts *f) {
	f->error = ENOMEM;
	f->memlock_soft = f->memlock_hard = 8 * MIB;
	f->locked_bytes = 3 * MIB;
	f->needed_bytes = 50 * MIB;
}

static void by_memlock_in_a_container(struct diagnose_facts *f) {
	by_memlock(f);
	f->cap_ipc_lock = true;
	f->user_namespace = true;
}

static void by_data(struct diagnose_facts *f) {
	f->error = ENOMEM;
	f->cap_ipc_lock = true;
	f->memlock_soft = 8 * MIB; /* doesn't bind */
	f->data_bytes = 1 * MIB;
	f->data_soft = 32 * MIB;
	f->needed_bytes = 50 * MIB;
}

static void by_address_space(struct diagnose_facts *f) {
	f->error = ENOMEM;
	f->size_bytes = 10 * MIB;
	f->address_space_soft = 20 * MIB;
	f->needed_bytes = 50 * MIB;
}

static void by_cgroup(struct diagnose_facts *f) {
	f->cgroup_limit = 64 * MIB;
	f->cgroup_used = 20 * MIB;
	f->cgroup_path = "/sys/fs/cgroup/x/memory.max";
	f->needed_bytes = 50 * MIB;
}

static void by_overcommit(struct diagnose_facts *f) {
	f->error = ENOMEM;
	f->overcommit = 2;
	f->commit_limit = 100 * MIB;
	f->committed = 90 * MIB;
	f->needed_bytes = 50 * MIB;
}

static void by_machine(struct diagnose_facts *f) {
	f->available_bytes = 10 * MIB;
	f->needed_bytes = 50 * MIB;
}

static void by_host_reserve(struct diagnose_facts *f) {
	f->available_bytes = 90 * MIB;
	f->needed_bytes = 50 * MIB;
	f->reserve_bytes = 64 * MIB;
}

static void by_nothing_known(struct diagnose_facts *f) {
	f->error = ENOMEM;
	f->needed_bytes = 50 * MIB;
}

static const struct row rows[] = {
	{ "filter", by_filter,
		{ "seccomp filter", "CAP_IPC_LOCK would allow", "SystemCallFilter" } },
	{ "filter, limit", by_filter_under_a_limit, { "seccomp filter", "memlock limit would" } },
	{ "limit 0", by_limit_zero, { "memlock limit is 0", "limits.memlock", "ipc_lock" } },
	{ "memlock", by_memlock,
		{ "3.0M locked + 50.0M needed > soft limit 8.0M", "limits.memlock" } },
	{ "userns", by_memlock_in_a_container, { "memlock limit", "user namespace" } },
	{ "data", by_data, { "data limit", "1.0M used + 50.0M needed > 32.0M", "limits.data" } },
	{ "as", by_address_space, { "as limit", "limits.as" } },
	{ "cgroup", by_cgroup,
		{ "control group", "20.0M used + 50.0M needed > 64.0M", "x/memory.max" } },
	{ "overcommit", by_overcommit, { "vm.overcommit_memory is 2", "vm.overcommit_ratio" } },
	{ "machine", by_machine, { "MemAvailable 10.0M", "memory.heap" } },
	{ "reserve", by_host_reserve,
		{ "50.0M needed, MemAvailable 90.0M", "memory.host_reserve keeps 64.0M" } },
};

static void every_cause_is_told_with_its_remedy(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diagnose_facts f;
		char text[700];

		diagnose_facts_init(&f);
		rows[i].set(&f);
		if (!diagnose(&f, text, sizeof(text)))
			fail_msg("%s: no cause found", rows[i].name);
		for (size_t s = 0; s < ARRAY_LEN(rows[i].says) && rows[i].says[s]; s++)
			if (!strstr(text, rows[i].says[s]))
				fail_msg("%s: '%s' isn't in: %s", rows[i].name, rows[i].says[s],
					text);
	}
}

static void an_unknown_cause_is_admitted(void **state) {
	struct diagnose_facts f;
	char text[700];

	diagnose_facts_init(&f);
	by_nothing_known(&f);
	assert_false(diagnose(&f, text, sizeof(text)));
	assert_non_null(strstr(text, "no limit"));
}

static void facts_that_accuse_nobody_are_silent(void **state) {
	struct diagnose_facts f;
	char text[700] = "x";

	diagnose_facts_init(&f);
	f.needed_bytes = UINT64_MAX;
	assert_false(diagnose(&f, text, sizeof(text)));
	assert_string_equal(text, "");
}

static void the_capability_makes_the_limit_void(void **state) {
	struct diagnose_facts f;
	char text[700];

	diagnose_facts_init(&f);
	by_memlock(&f);
	f.cap_ipc_lock = true;
	assert_false(diagnose(&f, text, sizeof(text)));
	assert_null(strstr(text, "limits.memlock"));
}

static void memory_that_is_not_locked_needs_no_memlock(void **state) {
	struct diagnose_facts f;
	char text[700];

	diagnose_facts_init(&f);
	by_memlock(&f);
	f.populates_only = true;
	assert_false(diagnose(&f, text, sizeof(text)));
}

static void a_short_buffer_is_terminated(void **state) {
	char text[16] = "";
	struct diagnose_facts f;

	diagnose_facts_init(&f);
	by_cgroup(&f);
	assert_true(diagnose(&f, text, sizeof(text)));
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_is_told_with_its_remedy),
		cmocka_unit_test(an_unknown_cause_is_admitted),
		cmocka_unit_test(facts_that_accuse_nobody_are_silent),
		cmocka_unit_test(the_capability_makes_the_limit_void),
		cmocka_unit_test(memory_that_is_not_locked_needs_no_memlock),
		cmocka_unit_test(a_short_buffer_is_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
