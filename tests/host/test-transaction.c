/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Apply and rollback over a tree that the test makes. */
#include "changing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/journal.h"
#include "host/lock.h"

/* ---- apply ------------------------------------------------------------------------------------- */

static void huge_pages_come_before_what_forbids_compaction(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	assert_int_equal(f->writes.n_items, 3);
	assert_string_equal(f->writes.items[0].setting, "hugepages.2M");
	assert_string_equal(f->writes.items[2].setting, "sysctl.vm.compact_unevictable_allowed");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(f->writes.items[i].outcome, WRITE_DONE);
	assert_value(f, HUGE_2M, "8");
}

static void a_second_apply_touches_nothing(void **state) {
	struct fixture *f = *state;
	_cleanup_free_ char *path = tree_path(f->tree, JOURNAL);
	struct stat before, after;

	want_all(f);
	apply(f);
	assert_int_equal(stat(path, &before), 0);
	apply(f);
	assert_int_equal(f->writes.n_items, 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void a_dry_run_plans_the_same_and_touches_nothing(void **state) {
	struct fixture *f = *state;

	want_all(f);
	assert_int_equal(apply_with(f, APPLY_DRY_RUN, 0), 0);
	assert_int_equal(host_writes_count(&f->writes, WRITE_PLANNED), 3);
	assert_non_null(strstr(find_write(f, "sysctl.vm.swappiness")->action, "write 1 to "));
	assert_originals(f);
	assert_null(tree_read(f->tree, JOURNAL));
	assert_null(tree_read(f->tree, "state/lock"));
}

static void what_no_policy_wants_any_more_goes_back(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	f->set.n_wishes = 1;
	apply(f);
	assert_int_equal(f->writes.n_items, 2);
	assert_true(f->writes.items[0].back);
	assert_value(f, SWAPPINESS, "60");
	assert_value(f, HUGE_2M, "0");
	assert_value(f, UNMOVABLE, "0");
	f->set.n_wishes = 0;
	apply(f);
	assert_originals(f);
}

static void a_start_without_policies_gives_nothing_back(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	f->set.n_wishes = 0;
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_int_equal(host_writes_count(&f->writes, WRITE_LEFT), 3);
	assert_value(f, SWAPPINESS, "1");
	apply(f);
	assert_originals(f);
}

static void somebody_elses_value_is_left_when_the_policy_goes(void **state) {
	struct fixture *f = *state;
	const struct host_write *w;

	want_all(f);
	apply(f);
	tree_write_text(f->tree, SWAPPINESS, "33\n");
	f->set.n_wishes = 1;
	apply(f);
	w = find_write(f, "sysctl.vm.swappiness");
	assert_int_equal(w->outcome, WRITE_LEFT);
	assert_non_null(strstr(w->reason, "somebody else"));
	assert_value(f, SWAPPINESS, "33");
}

static void a_refused_setting_does_not_stop_the_others(void **state) {
	struct fixture *f = *state;
	_cleanup_free_ char *path = tree_path(f->tree, SWAPPINESS);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/proc/self/coredump_filter", path), 0);
	want_all(f);
	f->wishes[1].wanted = (char *)"many";
	apply(f);
	assert_int_equal(find_write(f, "sysctl.vm.swappiness")->outcome, WRITE_REFUSED);
	assert_string_not_equal(find_write(f, "sysctl.vm.swappiness")->reason, "");
	assert_int_equal(host_writes_count(&f->writes, WRITE_DONE), 2);
	assert_int_equal(f->settings.items[1].result, SETTING_DRIFT);
	assert_string_equal(
		f->settings.items[1].reason, find_write(f, "sysctl.vm.swappiness")->reason);
}

static void originals_of_older_releases_are_taken_over(void **state) {
	struct fixture *f = *state;
	_cleanup_free_ char *journal = NULL;

	tree_write_text(f->tree, "state/host/sysctl.vm.swappiness", "77\n");
	tree_write_text(f->tree, "state/host/sysctl.vm.swappiness.aB3xYz", "6");
	tree_write_text(f->tree, "state/host/of-another-release", "5\n");
	want_all(f);
	apply(f);
	journal = tree_read(f->tree, JOURNAL);
	assert_non_null(strstr(journal, "sysctl.vm.swappiness\t77\t"));
	assert_null(strstr(journal, "aB3xYz"));
	assert_null(tree_read(f->tree, "state/host/sysctl.vm.swappiness"));
	assert_value(f, "state/host/of-another-release", "5");
	roll_back(f, false);
	assert_value(f, SWAPPINESS, "77");
}

static void a_damaged_journal_stops_everything_that_writes(void **state) {
	struct fixture *f = *state;
	static const char *const damaged[] = { "", "rtmem-journal 1\n", "rtmem-journal 2\nend\n",
		"rtmem-journal 1\nsetting\tsysctl.vm.swappiness\t60\nend\n",
		"rtmem-journal 1\nheld\ta\tb\tperhaps\nend\n", "rtmem-journal 1\nend\nmore\n",
		"rtmem-journal 1\nsetting\ta\t%0g\t1\t1\t-\t-\t-\t-\nend\n" };

	want_all(f);
	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		tree_write_text(f->tree, JOURNAL, damaged[i]);
		assert_int_equal(apply_with(f, 0, 0), 0);
		assert_int_equal(host_writes_count(&f->writes, WRITE_REFUSED), 3);
		assert_non_null(strstr(f->settings.items[0].reason, "damaged"));
		host_writes_done(&f->writes);
		assert_int_equal(
			transaction_rollback(&f->t, false, &f->writes, f->problem), -EBADMSG);
		assert_originals(f);
	}
}

static void every_byte_of_a_value_survives_the_journal(void **state) {
	static const char odd[] = "-\x01%\x7f|/bin/x %p\xff";
	struct journal j = { 0 }, back;

	struct fixture *f = *state;

	assert_int_equal(mkdir(f->state_dir, 0755), 0);
	assert_non_null(journal_add(&j, "a\tb", odd));
	assert_non_null(journal_add(&j, "empty", ""));
	assert_non_null(journal_add(&j, "dash", "-"));
	assert_int_equal(journal_save(f->state_dir, &j), 0);
	assert_int_equal(journal_load(f->state_dir, &back), 0);
	assert_string_equal(journal_find(&back, "a\tb")->original, odd);
	assert_string_equal(journal_find(&back, "empty")->original, "");
	assert_string_equal(journal_find(&back, "dash")->original, "-");
	assert_null(journal_find(&back, "dash")->written);
	journal_done(&j);
	journal_done(&back);
}

/* ---- rollback ---------------------------------------------------------------------------------- */

static void rollback_gives_back_every_original_last_one_first(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	roll_back(f, false);
	assert_originals(f);
	assert_int_equal(f->writes.n_items, 3);
	assert_string_equal(f->writes.items[0].setting, "sysctl.vm.compact_unevictable_allowed");
	assert_string_equal(f->writes.items[2].setting, "hugepages.2M");
	roll_back(f, false);
	assert_int_equal(f->writes.n_items, 0);
}

static void rollback_leaves_what_somebody_else_set_unless_forced(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	tree_write_text(f->tree, SWAPPINESS, "33\n");
	roll_back(f, false);
	assert_int_equal(find_write(f, "sysctl.vm.swappiness")->outcome, WRITE_LEFT);
	assert_value(f, SWAPPINESS, "33");
	assert_value(f, UNMOVABLE, "1");
	roll_back(f, true);
	assert_originals(f);
}

static void what_was_rolled_back_stays_until_somebody_applies(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	roll_back(f, false);
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_int_equal(f->writes.n_items, 0);
	assert_originals(f);
	assert_non_null(strstr(f->settings.items[0].reason, "rolled back"));
	apply(f);
	assert_int_equal(f->writes.n_items, 3);
	roll_back(f, false);
	assert_originals(f);
}

static void a_rollback_that_was_cut_off_is_finished_by_the_next_one_who_comes(void **state) {
	struct fixture *f = *state;
	struct journal j;

	want_all(f);
	apply(f);
	assert_int_equal(journal_load(f->state_dir, &j), 0);
	j.rolling_back = true;
	for (size_t i = 0; i < j.n_entries; i++)
		j.entries[i].pending = true;
	assert_int_equal(journal_save(f->state_dir, &j), 0);
	journal_done(&j);
	tree_write_text(f->tree, UNMOVABLE, "1\n");
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_originals(f);
}

static void a_rollback_that_was_cut_off_loses_no_original_when_all_is_wanted_again(void **state) {
	struct fixture *f = *state;
	struct journal j;

	want_all(f);
	apply(f);
	assert_int_equal(journal_load(f->state_dir, &j), 0);
	j.rolling_back = true;
	assert_int_equal(journal_save(f->state_dir, &j), 0);
	journal_done(&j);
	apply(f);
	assert_value(f, SWAPPINESS, "1");
	roll_back(f, false);
	assert_originals(f);
}

static void after_a_reboot_nothing_is_left_to_go_back(void **state) {
	struct fixture *f = *state;

	want_all(f);
	apply(f);
	tree_write_text(f->tree, BOOT, "second-boot\n");
	tree_write_text(f->tree, SWAPPINESS, "1\n");
	tree_write_text(f->tree, HUGE_2M, "4\n");
	tree_write_text(f->tree, UNMOVABLE, "1\n");
	assert_int_equal(apply_with(f, APPLY_UNATTENDED, 0), 0);
	assert_int_equal(f->writes.n_items, 2);
	roll_back(f, false);
	assert_value(f, SWAPPINESS, "1"); /* it came up like that */
	assert_value(f, HUGE_2M, "4"); /* the original of this boot */
	assert_value(f, UNMOVABLE, "1");
}

/* ---- one writer -------------------------------------------------------------------------------- */

static void others_who_may_write_to_the_state_are_told_of(void **state) {
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->state_dir, 0755), 0);
	assert_int_equal(chmod(f->state_dir, 0777), 0);
	want_all(f);
	assert_int_equal(apply_with(f, 0, 0), 0);
	assert_int_equal(host_writes_count(&f->writes, WRITE_REFUSED), 3);
	assert_non_null(strstr(f->settings.items[0].reason, "by others"));
	assert_originals(f);
}

static void a_writer_waits_for_the_other(void **state) {
	struct fixture *f = *state;
	pid_t holder, pid;
	int fd, status;

	want_all(f);
	fd = host_lock(f->state_dir, LOCK_PATIENT_MSEC, &holder);
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0) { /* the child gives its copy of the lock back after a while */
		(void)usleep(100000);
		_exit(0);
	}
	(void)close(fd);
	apply(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(host_writes_count(&f->writes, WRITE_DONE), 3);
}

static void who_must_not_wait_is_told_of_the_other_at_once(void **state) {
	struct fixture *f = *state;
	_cleanup_close_ int fd = -1;
	char pid[32];
	pid_t holder;

	want_all(f);
	fd = host_lock(f->state_dir, 0, &holder);
	assert_true(fd >= 0);
	assert_true(host_lock_is_held(f->state_dir));
	f->t.no_wait = true;
	assert_int_equal(apply_with(f, 0, 0), -EWOULDBLOCK);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(f->problem, pid));
	assert_int_equal(transaction_rollback(&f->t, false, &f->writes, f->problem), -EWOULDBLOCK);
	assert_originals(f);
	fd = close_fd(fd);
	assert_false(host_lock_is_held(f->state_dir));
	apply(f);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(huge_pages_come_before_what_forbids_compaction),
		CASE(a_second_apply_touches_nothing),
		CASE(a_dry_run_plans_the_same_and_touches_nothing),
		CASE(what_no_policy_wants_any_more_goes_back),
		CASE(a_start_without_policies_gives_nothing_back),
		CASE(somebody_elses_value_is_left_when_the_policy_goes),
		CASE(a_refused_setting_does_not_stop_the_others),
		CASE(originals_of_older_releases_are_taken_over),
		CASE(a_damaged_journal_stops_everything_that_writes),
		CASE(every_byte_of_a_value_survives_the_journal),
		CASE(rollback_gives_back_every_original_last_one_first),
		CASE(rollback_leaves_what_somebody_else_set_unless_forced),
		CASE(what_was_rolled_back_stays_until_somebody_applies),
		CASE(a_rollback_that_was_cut_off_is_finished_by_the_next_one_who_comes),
		CASE(a_rollback_that_was_cut_off_loses_no_original_when_all_is_wanted_again),
		CASE(after_a_reboot_nothing_is_left_to_go_back),
		CASE(others_who_may_write_to_the_state_are_told_of),
		CASE(a_writer_waits_for_the_other),
		CASE(who_must_not_wait_is_told_of_the_other_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
