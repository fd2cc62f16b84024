/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Apply, try, confirm, rollback over a tree that the test makes. Boots are files in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "host/journal.h"
#include "host/lock.h"
#include "host/transaction.h"
#include "support/tree.h"

#define SWAPPINESS "proc/sys/vm/swappiness"
#define OVERCOMMIT "proc/sys/vm/overcommit_memory"
#define UNMOVABLE  "proc/sys/vm/compact_unevictable_allowed"
#define HUGE_2M	   "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define BOOT	   "proc/sys/kernel/random/boot_id"
#define JOURNAL	   "state/journal"
#define MINUTE	   (60 * UINT64_C(1000000))

struct fixture {
	char *tree;
	char *state_dir;
	struct transaction t;
	struct host_wish wishes[8];
	struct policy_set set;
	struct settings settings;
	struct host_writes writes;
	char problem[SETTING_REASON_MAX];
	int on_try_result;
	char *journal_at_try; /* as it was when the try was armed */
};

static int on_try(const struct transaction *t) {
	struct fixture *f = t->userdata;

	f->journal_at_try = tree_read(f->tree, JOURNAL);
	return f->on_try_result;
}

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));

	f->tree = tree_new();
	f->state_dir = tree_path(f->tree, "state");
	f->t = (struct transaction){
		.root = f->tree, .state_dir = f->state_dir, .on_try = on_try, .userdata = f
	};
	f->set.wishes = f->wishes;
	tree_write_text(f->tree, SWAPPINESS, "60\n");
	tree_write_text(f->tree, OVERCOMMIT, "0\n");
	tree_write_text(f->tree, UNMOVABLE, "1\n");
	tree_write_text(f->tree, HUGE_2M, "0\n");
	tree_write_text(f->tree, BOOT, "first-boot\n");
	*state = f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;

	settings_done(&f->settings);
	host_writes_done(&f->writes);
	tree_free(f->tree);
	free(f->state_dir);
	free(f->journal_at_try);
	free(f);
	return 0;
}

static void want(struct fixture *f, const char *setting, const char *wanted) {
	f->wishes[f->set.n_wishes++] = (struct host_wish){ .setting = (char *)setting,
		.wanted = (char *)wanted };
}

static void want_all(struct fixture *f) {
	want(f, "sysctl.vm.compact_unevictable_allowed", "0");
	want(f, "sysctl.vm.swappiness", "1");
	want(f, "hugepages.2M", "8");
}

static int apply_with(struct fixture *f, unsigned flags, uint64_t try_usec) {
	settings_done(&f->settings);
	host_writes_done(&f->writes);
	return transaction_apply(
		&f->t, &f->set, flags, try_usec, &f->settings, &f->writes, f->problem);
}

static void apply(struct fixture *f) {
	assert_int_equal(apply_with(f, 0, 0), 0);
	assert_string_equal(f->problem, "");
}

static void roll_back(struct fixture *f, bool force) {
	host_writes_done(&f->writes);
	assert_int_equal(transaction_rollback(&f->t, force, &f->writes, f->problem), 0);
}

static void revert(struct fixture *f, bool only_due) {
	host_writes_done(&f->writes);
	assert_int_equal(transaction_revert(&f->t, only_due, &f->writes, f->problem), 0);
}

static struct try_state tried(struct fixture *f) {
	struct try_state s;

	assert_int_equal(transaction_try_state(&f->t, &s), 0);
	return s;
}

static void assert_value(struct fixture *f, const char *path, const char *value) {
	_cleanup_free_ char *text = tree_read(f->tree, path);

	assert_non_null(text);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, value);
}

static void assert_originals(struct fixture *f) {
	assert_value(f, SWAPPINESS, "60");
	assert_value(f, OVERCOMMIT, "0");
	assert_value(f, UNMOVABLE, "1");
	assert_value(f, HUGE_2M, "0");
}

static const struct host_write *find_write(struct fixture *f, const char *setting) {
	for (size_t i = 0; i < f->writes.n_items; i++)
		if (strcmp(f->writes.items[i].setting, setting) == 0)
			return &f->writes.items[i];
	fail_msg("no write of %s", setting);
	return NULL;
}

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
	want_all(f);
	apply(f);
	journal = tree_read(f->tree, JOURNAL);
	assert_non_null(strstr(journal, "sysctl.vm.swappiness\t77\t"));
	assert_null(tree_read(f->tree, "state/host/sysctl.vm.swappiness"));
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

/* ---- try --------------------------------------------------------------------------------------- */

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
	fd = host_lock(f->state_dir, &holder);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(huge_pages_come_before_what_forbids_compaction),
		CASE(a_second_apply_touches_nothing),
		CASE(a_dry_run_plans_the_same_and_touches_nothing),
		CASE(what_no_policy_wants_any_more_goes_back),
		CASE(somebody_elses_value_is_left_when_the_policy_goes),
		CASE(a_refused_setting_does_not_stop_the_others),
		CASE(originals_of_older_releases_are_taken_over),
		CASE(a_damaged_journal_stops_everything_that_writes),
		CASE(every_byte_of_a_value_survives_the_journal),
		CASE(rollback_gives_back_every_original_last_one_first),
		CASE(rollback_leaves_what_somebody_else_set_unless_forced),
		CASE(what_was_rolled_back_stays_until_somebody_applies),
		CASE(a_rollback_that_was_cut_off_is_finished_by_the_next_one_who_comes),
		CASE(after_a_reboot_nothing_is_left_to_go_back),
		CASE(a_try_is_on_disk_before_anything_is_written),
		CASE(what_is_confirmed_stays),
		CASE(what_is_not_confirmed_goes_back_and_is_held),
		CASE(a_try_goes_back_to_what_was_confirmed_before),
		CASE(a_try_with_a_removed_key_is_confirmed_as_a_whole),
		CASE(during_a_try_nothing_else_is_applied),
		CASE(the_next_who_comes_ends_a_try_that_nobody_ended),
		CASE(a_try_does_not_outlive_its_boot),
		CASE(a_try_that_nothing_would_end_is_called_off),
		CASE(others_who_may_write_to_the_state_are_told_of),
		CASE(a_writer_waits_for_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
