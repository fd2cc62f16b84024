/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings over a tree that the test makes: --root as a user would give it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "host/settings.h"
#include "host/transaction.h"
#include "support/tree.h"

#define HUGE_2M "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define NODE_2M "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
#define THP	"sys/kernel/mm/transparent_hugepage/enabled"
#define SWAP	"proc/sys/vm/swappiness"

struct fixture {
	char *tree;
	char *state_dir;
	struct host_wish wish;
	struct policy_set set;
	struct settings settings;
	size_t n_written;
};

static int setup(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));

	f->tree = tree_new();
	f->state_dir = tree_path(f->tree, "state");
	tree_write_text(f->tree, HUGE_2M, "0\n");
	tree_write_text(f->tree, NODE_2M, "0\n");
	tree_write_text(f->tree, THP, "always [madvise] never\n");
	tree_write_text(f->tree, SWAP, "60\n");
	tree_write_text(f->tree, "proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
	*state = f;
	return 0;
}

static int teardown(void **state) {
	struct fixture *f = *state;

	settings_done(&f->settings);
	tree_free(f->tree);
	free(f->state_dir);
	free(f);
	return 0;
}

static void wish(struct fixture *f, const char *setting, const char *wanted) {
	f->wish = (struct host_wish){
		.setting = (char *)setting,
		.wanted = (char *)wanted,
		.place = { .file = "test.yaml", .line = 4 },
	};
	f->set = (struct policy_set){ .wishes = &f->wish, .n_wishes = 1 };
	settings_done(&f->settings);
}

static const struct setting_state *diff(
	struct fixture *f, const char *setting, const char *wanted) {
	wish(f, setting, wanted);
	assert_int_equal(settings_diff(&f->set, f->tree, f->state_dir, &f->settings), 0);
	assert_int_equal(f->settings.n_items, 1);
	return &f->settings.items[0];
}

static void apply_set(struct fixture *f, const char *state_dir) {
	const struct transaction t = { .root = f->tree, .state_dir = state_dir };
	_cleanup_host_writes_ struct host_writes writes = { 0 };
	char problem[SETTING_REASON_MAX];

	settings_done(&f->settings);
	assert_int_equal(transaction_apply(&t, &f->set, 0, 0, &f->settings, &writes, problem), 0);
	f->n_written = host_writes_count(&writes, WRITE_DONE) +
		host_writes_count(&writes, WRITE_SHORT);
}

static const struct setting_state *apply(
	struct fixture *f, const char *setting, const char *wanted) {
	wish(f, setting, wanted);
	apply_set(f, f->state_dir);
	assert_int_equal(f->settings.n_items, 1);
	return &f->settings.items[0];
}

static void assert_file(struct fixture *f, const char *path, const char *text) {
	_cleanup_free_ char *actual = tree_read(f->tree, path);

	assert_non_null(actual);
	assert_string_equal(actual, text);
}

static void a_difference_is_drift_and_is_not_written(void **state) {
	const struct setting_state *s = diff(*state, "sysctl.vm.swappiness", "0");

	assert_int_equal(s->result, SETTING_DRIFT);
	assert_string_equal(s->actual, "60");
	assert_null(s->original);
	assert_true(strlen(s->reason) > 0);
	assert_int_equal(s->place.line, 4);
	assert_file(*state, SWAP, "60\n");
}

static void the_bracketed_choice_is_the_value(void **state) {
	assert_int_equal(diff(*state, "transparent_hugepage", "madvise")->result, SETTING_OK);
	assert_string_equal(diff(*state, "transparent_hugepage", "never")->actual, "madvise");
}

static void white_space_makes_no_difference(void **state) {
	const struct setting_state *s = diff(
		*state, "sysctl.net.ipv4.tcp_rmem", "  4096 131072   6291456 ");

	assert_int_equal(s->result, SETTING_OK);
	assert_string_equal(s->actual, "4096 131072 6291456");
}

static void what_the_kernel_lacks_is_not_applicable(void **state) {
	const struct setting_state *s = diff(*state, "sysctl.vm.swapiness", "0");

	assert_int_equal(s->result, SETTING_NOT_APPLICABLE);
	assert_non_null(strstr(s->reason, "vm.swapiness"));
	s = diff(*state, "hugepages.1G", "1");
	assert_int_equal(s->result, SETTING_NOT_APPLICABLE);
	assert_non_null(strstr(s->reason, "only of 2M"));
	s = diff(*state, "hugepages.2M.node7", "1");
	assert_int_equal(s->result, SETTING_NOT_APPLICABLE);
	assert_non_null(strstr(s->reason, "node 7"));
}

static void a_name_cannot_leave_its_directory(void **state) {
	static const char *const names[] = { "sysctl.../etc/passwd", "sysctl.vm/../../etc/passwd",
		"sysctl.", "sysctl..vm", "sysctl.vm.", "hugepages.2M.node0/../node1", "hugepages.",
		"hugepages.2M.", "hugepages.2M.node", "hugepages.2M.node-1", "hugepages./etc",
		"transparent_hugepage/defrag", "transparent_hugepage.../x", "swap.", "swaps",
		"ksm./x", "hugetlbfs.mnt", "hugetlbfs./mnt/../etc", "hugepages_surplus.2M.node0",
		"" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct setting_state *s = apply(*state, names[i], "1");

		assert_int_equal(s->result, SETTING_NOT_APPLICABLE);
		assert_int_equal(((struct fixture *)*state)->n_written, 0);
	}
}

static void apply_saves_the_original_then_writes_and_reads_back(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s = apply(f, "sysctl.vm.swappiness", "0");

	assert_int_equal(s->result, SETTING_OK);
	assert_string_equal(s->actual, "0");
	assert_string_equal(s->original, "60");
	assert_string_equal(s->reason, "");
	assert_int_equal(f->n_written, 1);
}

static void a_second_apply_writes_nothing(void **state) {
	struct fixture *f = *state;

	apply(f, "hugepages.2M", "64");
	assert_int_equal(f->n_written, 1);
	assert_string_equal(apply(f, "hugepages.2M", "64")->original, "0");
	assert_int_equal(f->n_written, 0);
}

static void the_first_original_stays(void **state) {
	struct fixture *f = *state;

	apply(f, "hugepages.2M.node0", "64");
	assert_string_equal(apply(f, "hugepages.2M.node0", "32")->original, "0");
	assert_string_equal(diff(f, "hugepages.2M.node0", "32")->original, "0");
}

static void what_is_right_already_has_no_original(void **state) {
	struct fixture *f = *state;

	assert_null(apply(f, "sysctl.vm.swappiness", "60")->original);
	assert_int_equal(f->n_written, 0);
	assert_null(tree_read(f->tree, "state/journal"));
}

static void replace_by_link(struct fixture *f, const char *path, const char *target) {
	_cleanup_free_ char *full = tree_path(f->tree, path);

	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink(target, full), 0);
}

static void what_reads_empty_is_never_written(void **state) {
	struct fixture *f = *state;

	replace_by_link(f, SWAP, "/dev/null");
	assert_int_equal(apply(f, "sysctl.vm.swappiness", "0")->result, SETTING_DRIFT);
	assert_int_equal(f->n_written, 0);
}

/* A file of the kernel that takes 64 and then reads 00000040: short of what was asked. */
static void a_write_that_does_not_take_is_drift_with_the_numbers(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s;

	replace_by_link(f, HUGE_2M, "/proc/self/coredump_filter");
	s = apply(f, "hugepages.2M", "64");
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_string_equal(s->actual, "00000040");
	assert_non_null(strstr(s->reason, "found 40 of 64, 24 are missing"));
	assert_non_null(strstr(s->reason, "hugepages="));
	assert_int_equal(f->n_written, 1);
	s = apply(f, "hugepages.2M", "16");
	assert_string_equal(s->original, "00000033");
}

static void a_value_that_the_kernel_does_not_take_is_drift(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s;

	replace_by_link(f, SWAP, "/proc/self/coredump_filter");
	s = apply(f, "sysctl.vm.swappiness", "many");
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_non_null(strstr(s->reason, "the kernel doesn't take this value"));
	/* nothing was written: there's nothing to put back */
	assert_null(s->original);
	assert_null(diff(f, "sysctl.vm.swappiness", f->wish.wanted)->original);
	assert_int_equal(f->n_written, 0);
}

static void a_refused_write_is_drift_with_the_cause(void **state) {
	struct fixture *f = *state;
	_cleanup_free_ char *full = tree_path(f->tree, SWAP);
	const struct setting_state *s;

	assert_int_equal(chmod(f->tree, 0755), 0);
	assert_int_equal(chmod(full, geteuid() == 0 ? 0644 : 0444), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	wish(f, "sysctl.vm.swappiness", "0");
	apply_set(f, NULL);
	assert_int_equal(seteuid(getuid()), 0);
	s = &f->settings.items[0];
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_non_null(strstr(s->reason, "can't be written: Permission denied"));
	assert_non_null(strstr(s->reason, getuid() == 0 ? "root" : "nobody"));
	assert_string_equal(s->actual, "60");
}

static void what_cannot_be_read_says_so(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s;

	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	else
		assert_int_equal(chmod(f->tree, 0), 0);
	s = diff(f, "sysctl.vm.swappiness", "0");
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(chmod(f->tree, 0700), 0);
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_string_equal(s->actual, "");
	assert_non_null(strstr(s->reason, "can't be read: Permission denied"));
}

static void a_file_that_nobody_may_write_or_read_is_told_apart(void **state) {
	struct fixture *f = *state;
	_cleanup_free_ char *full = tree_path(f->tree, SWAP);
	const struct setting_state *s;

	assert_int_equal(chmod(full, 0444), 0);
	s = diff(f, "sysctl.vm.swappiness", "0");
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_non_null(strstr(s->reason, "nobody"));
	assert_int_equal(chmod(full, 0200), 0);
	assert_int_equal(chmod(f->tree, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	s = diff(f, "sysctl.vm.swappiness", "0");
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(s->result, SETTING_NOT_APPLICABLE);
	assert_non_null(strstr(s->reason, "action"));
}

static void a_change_behind_our_back_is_told_from_a_new_wish(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s;

	apply(f, "sysctl.vm.swappiness", "0");
	tree_write_text(f->tree, SWAP, "30\n");
	s = diff(f, "sysctl.vm.swappiness", "0");
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_string_equal(s->original, "60");
	assert_non_null(strstr(s->reason, "somebody else has changed it since"));
	s = diff(f, "sysctl.vm.swappiness", "10");
	assert_non_null(strstr(s->reason, "the wish is new"));
	assert_int_equal(apply(f, "sysctl.vm.swappiness", "0")->result, SETTING_OK);
}

static void nothing_is_written_when_the_original_cannot_be_saved(void **state) {
	struct fixture *f = *state;
	const struct setting_state *s;

	tree_write_text(f->tree, "state", "a file where a directory should be\n");
	s = apply(f, "sysctl.vm.swappiness", "0");
	assert_int_equal(s->result, SETTING_DRIFT);
	assert_non_null(strstr(s->reason, "original"));
	assert_int_equal(f->n_written, 0);
	assert_file(f, SWAP, "60\n");
}

static void no_wishes_are_no_settings(void **state) {
	struct fixture *f = *state;

	f->set = (struct policy_set){ 0 };
	apply_set(f, f->state_dir);
	assert_int_equal(f->settings.n_items, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(a_difference_is_drift_and_is_not_written),
		CASE(the_bracketed_choice_is_the_value),
		CASE(white_space_makes_no_difference),
		CASE(what_the_kernel_lacks_is_not_applicable),
		CASE(a_name_cannot_leave_its_directory),
		CASE(apply_saves_the_original_then_writes_and_reads_back),
		CASE(a_second_apply_writes_nothing),
		CASE(the_first_original_stays),
		CASE(what_is_right_already_has_no_original),
		CASE(what_reads_empty_is_never_written),
		CASE(a_value_that_the_kernel_does_not_take_is_drift),
		CASE(what_cannot_be_read_says_so),
		CASE(a_file_that_nobody_may_write_or_read_is_told_apart),
		CASE(a_change_behind_our_back_is_told_from_a_new_wish),
		CASE(a_write_that_does_not_take_is_drift_with_the_numbers),
		CASE(a_refused_write_is_drift_with_the_cause),
		CASE(nothing_is_written_when_the_original_cannot_be_saved),
		CASE(no_wishes_are_no_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
