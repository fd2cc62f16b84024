/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may change something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/bus/rights.h"
#include "daemon/reload/config-watch.h"

#define NONE  ((gid_t)-1)
#define OWN   ((uid_t)500)
#define GROUP ((gid_t)77)

static void root_may_always(void **state) {
	const struct caller root = { .uid = 0 };

	assert_true(rights_may_change(&root, OWN, NONE));
	assert_true(rights_may_change(&root, 0, GROUP));
}

static void the_user_of_rtmemd_may(void **state) {
	const struct caller own = { .uid = OWN };

	assert_true(rights_may_change(&own, OWN, NONE));
	assert_false(rights_may_change(&own, 0, NONE));
}

static void members_of_the_group_may_and_others_not(void **state) {
	const struct caller member = { .uid = 1000, .groups = { 1000, GROUP }, .n_groups = 2 };
	const struct caller other = { .uid = 1000, .groups = { 1000, 78 }, .n_groups = 2 };
	/* what lies behind the count isn't looked at */
	const struct caller former = { .uid = 1000, .groups = { 1000, GROUP }, .n_groups = 1 };

	assert_true(rights_may_change(&member, 0, GROUP));
	assert_false(rights_may_change(&other, 0, GROUP));
	assert_false(rights_may_change(&former, 0, GROUP));
}

/* (gid_t)-1 is what a kernel gives for a group of another namespace as well. */
static void without_a_group_no_group_counts(void **state) {
	const struct caller strange = { .uid = 1000, .groups = { NONE, 0 }, .n_groups = 2 };

	assert_false(rights_may_change(&strange, 0, NONE));
}

static void the_other_end_of_a_socket_is_known(void **state) {
	struct caller c = { .uid = 12345 };
	int pair[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_return_code(rights_of_peer(pair[0], &c), 0);
	assert_int_equal(c.uid, getuid());
	assert_true(c.n_groups >= 1);
	assert_int_equal(c.groups[0], getgid());
	(void)close_fd(pair[0]);
	(void)close_fd(pair[1]);
	assert_true(rights_of_peer(-1, &c) < 0);
}

static void files_of_policies_concern_the_watch_and_those_of_editors_not(void **state) {
	static const char *const yes[] = { "a.yaml", "a.yml", "..data", "..2026_11_21" };
	static const char *const no[] = { ".a.yaml.swp", "a.yaml~", "4913", ".yaml", "README",
		".#a.yaml", "yaml", "a.yaml.rpmsave" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(config_watch_concerns(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(config_watch_concerns(no[i]));
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_may_always),
		cmocka_unit_test(the_user_of_rtmemd_may),
		cmocka_unit_test(members_of_the_group_may_and_others_not),
		cmocka_unit_test(without_a_group_no_group_counts),
		cmocka_unit_test(the_other_end_of_a_socket_is_known),
		cmocka_unit_test(files_of_policies_concern_the_watch_and_those_of_editors_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
