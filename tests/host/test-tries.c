/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Apply with a time limit, confirmed or not, over a tree that the test makes. */
#include "changing.h"

#include <errno.h>
#include <string.h>

static void a_try_is_on_disk_before_anything_is_written(void **state) {
	struct fixture *f = *state;

	want_all(f);
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	assert_int_equal(host_writes_count(&f->writes, WRITE_DONE), 3);
	assert_non_null(strstr(f->journal_at_try, "\ntry\tfirst-boot\t"));
	assert_non_null(strstr(f->journal_at_try, "sysctl.vm.swappiness\t60\t1\t-\t60\t"));
	assert_true(tried(f).pending);
	assert_false(tried(f).due);
	assert_int_equal(tried(f).n_settings, 3);
	assert_true(tried(f).left_usec > MINUTE / 2 && tried(f).left_usec <= MINUTE);
}

static void what_is_confirmed_stays(void **state) {
	struct fixture *f = *state;
	size_t n;

	want_all(f);
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	assert_int_equal(transaction_confirm(&f->t, &n, f->problem), 0);
	assert_int_equal(n, 3);
	assert_false(tried(f).pending);
	revert(f, false);
	assert_value(f, SWAPPINESS, "1");
	assert_int_equal(transaction_confirm(&f->t, &n, f->problem), -ENOENT);
	roll_back(f, false);
	assert_originals(f);
}

static void what_is_not_confirmed_goes_back_and_is_held(void **state) {
	struct fixture *f = *state;
	size_t n;

	want_all(f);
	assert_int_equal(apply_with(f, 0, 1), 0);
	assert_true(tried(f).due);
	assert_int_equal(transaction_confirm(&f->t, &n, f->problem), -ETIME);
	revert(f, true);
	assert_int_equal(f->writes.n_items, 3);
	assert_originals(f);
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_originals(f);
	assert_non_null(strstr(f->settings.items[0].reason, "not confirmed"));
	f->wishes[1].wanted = (char *)"7"; /* another wish than what was tried */
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_value(f, SWAPPINESS, "7");
	apply(f);
	assert_value(f, HUGE_2M, "8");
}

static void a_try_goes_back_to_what_was_confirmed_before(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	f->wishes[1].wanted = (char *)"10";
	f->set.n_wishes = 2; /* and huge pages aren't wanted any more */
	want(f, "sysctl.vm.overcommit_memory", "2");
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	assert_value(f, HUGE_2M, "0");
	revert(f, true);
	assert_value(f, SWAPPINESS, "10"); /* not due */
	revert(f, false);
	assert_value(f, SWAPPINESS, "1");
	assert_value(f, OVERCOMMIT, "0");
	assert_value(f, HUGE_2M, "8");
	/* whoever comes unattended doesn't give the huge pages back either */
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_value(f, HUGE_2M, "8");
	roll_back(f, false);
	assert_originals(f);
}

static void a_try_with_a_removed_key_is_confirmed_as_a_whole(void **state) {
	struct fixture *f = *state;
	size_t n;

	want_all(f);
	apply(f);
	f->set.n_wishes = 2;
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	assert_int_equal(transaction_confirm(&f->t, &n, f->problem), 0);
	apply(f);
	assert_int_equal(f->writes.n_items, 0);
	assert_value(f, HUGE_2M, "0");
}

static void during_a_try_nothing_else_is_applied(void **state) {
	struct fixture *f = *state;

	want_all(f);
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	f->wishes[1].wanted = (char *)"7";
	assert_int_equal(apply_with(f, 0, 0), -EALREADY);
	assert_non_null(strstr(f->problem, "rtmemctl confirm"));
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_int_equal(f->writes.n_items, 0);
	assert_true(tried(f).pending);
	assert_value(f, SWAPPINESS, "1");
}

static void the_next_who_comes_ends_a_try_that_nobody_ended(void **state) {
	struct fixture *f = *state;

	want_all(f);
	assert_int_equal(apply_with(f, 0, 1), 0);
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_originals(f);
	assert_false(tried(f).pending);
}

static void a_try_does_not_outlive_its_boot(void **state) {
	struct fixture *f = *state;

	want_all(f);
	assert_int_equal(apply_with(f, 0, MINUTE), 0);
	tree_write_text(f->tree, BOOT, "second-boot\n");
	tree_write_text(f->tree, SWAPPINESS, "60\n");
	tree_write_text(f->tree, HUGE_2M, "0\n");
	tree_write_text(f->tree, UNMOVABLE, "1\n");
	assert_true(tried(f).due);
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_originals(f);
	assert_false(tried(f).pending);
	assert_non_null(strstr(f->settings.items[0].reason, "not confirmed"));
}

static void a_try_that_nothing_would_end_is_called_off(void **state) {
	struct fixture *f = *state;

	want_all(f);
	f->on_try_result = -ENOENT;
	assert_int_equal(apply_with(f, 0, MINUTE), -ENOENT);
	assert_non_null(strstr(f->problem, "No such file"));
	assert_originals(f);
	assert_false(tried(f).pending);
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_value(f, SWAPPINESS, "1");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(a_try_is_on_disk_before_anything_is_written),
		CASE(what_is_confirmed_stays),
		CASE(what_is_not_confirmed_goes_back_and_is_held),
		CASE(a_try_goes_back_to_what_was_confirmed_before),
		CASE(a_try_with_a_removed_key_is_confirmed_as_a_whole),
		CASE(during_a_try_nothing_else_is_applied),
		CASE(the_next_who_comes_ends_a_try_that_nobody_ended),
		CASE(a_try_does_not_outlive_its_boot),
		CASE(a_try_that_nothing_would_end_is_called_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
