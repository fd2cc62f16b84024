/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/capability.h"
#include "daemon/confine/privileges.h"

#define ALL ((CAPABILITY_BIT(CAP_CHECKPOINT_RESTORE) << 1) - 1)

static void of_all_only_those_of_the_table_are_kept(void **state) {
	uint64_t kept = privileges_choose(ALL);

	for (size_t i = 0; i < n_privileges_kept; i++) {
		assert_true(kept & CAPABILITY_BIT(privileges_kept[i].capability));
		kept &= ~CAPABILITY_BIT(privileges_kept[i].capability);
	}
	assert_int_equal(kept, 0);
	assert_false(privileges_choose(ALL) & CAPABILITY_BIT(CAP_SYS_ADMIN));
	assert_false(privileges_choose(ALL) & CAPABILITY_BIT(CAP_SETUID));
}

static void nothing_is_kept_that_was_not_there(void **state) {
	assert_int_equal(privileges_choose(0), 0);
	assert_int_equal(privileges_choose(CAPABILITY_BIT(CAP_KILL) | CAPABILITY_BIT(CAP_CHOWN)),
		CAPABILITY_BIT(CAP_KILL));
}

static void without_perfmon_sys_admin_takes_its_place(void **state) {
	const uint64_t before = ALL & ~CAPABILITY_BIT(CAP_PERFMON);

	assert_true(privileges_choose(before) & CAPABILITY_BIT(CAP_SYS_ADMIN));
}

static void nothing_is_in_both_tables(void **state) {
	for (size_t i = 0; i < n_privileges_kept; i++)
		for (size_t k = 0; k < n_privileges_of_hands; k++)
			assert_int_not_equal(
				privileges_kept[i].capability, privileges_of_hands[k].capability);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all_only_those_of_the_table_are_kept),
		cmocka_unit_test(nothing_is_kept_that_was_not_there),
		cmocka_unit_test(without_perfmon_sys_admin_takes_its_place),
		cmocka_unit_test(nothing_is_in_both_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
