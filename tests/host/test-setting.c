/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One setting at a time: names, order of writing, and the kinds that aren't plain files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "host/owners.h"
#include "host/setting-kind.h"
#include "host/settings.h"
#include "support/tree.h"

static char *tree;

static int setup(void **state) {
	tree = tree_new();
	return 0;
}

static int teardown(void **state) {
	tree_free(tree);
	return 0;
}

static void assert_value(const char *setting, const char *expected) {
	_cleanup_free_ char *value = NULL;

	assert_int_equal(setting_read(tree, setting, &value), 0);
	assert_string_equal(value, expected);
}

static void every_kind_is_complete(void **state) {
	for (size_t i = 0; i < n_setting_kinds; i++) {
		const struct setting_kind *k = &setting_kinds[i];

		assert_true(strlen(k->doc) > 10 && k->doc[strlen(k->doc) - 1] == '.');
		assert_non_null(k->path);
		assert_true(k->decode || k->read);
		assert_non_null(k->same);
		assert_non_null(k->explain_missing);
		assert_non_null(k->explain_short);
	}
}

static void what_forbids_compaction_is_written_last(void **state) {
	struct setting_state items[] = {
		{ .setting = (char *)"sysctl.vm.compact_unevictable_allowed" },
		{ .setting = (char *)"sysctl.vm.swappiness" },
		{ .setting = (char *)"transparent_hugepage" },
		{ .setting = (char *)"hugetlbfs./mnt/huge" },
		{ .setting = (char *)"hugepages.2M.node1" },
		{ .setting = (char *)"sysctl.vm.min_free_kbytes" },
		{ .setting = (char *)"hugepages.2M.node0" },
		{ .setting = (char *)"swap" },
	};
	static const size_t expected[] = { 7, 4, 6, 3, 2, 1, 5, 0 };
	struct settings s = { items, ARRAY_LEN(items) };
	_cleanup_free_ size_t *order = NULL;

	assert_int_equal(settings_in_order(&s, &order), 0);
	assert_memory_equal(order, expected, sizeof(expected));
}

static void settings_of_transparent_huge_pages_have_their_files(void **state) {
	static const char *const settings[] = { "transparent_hugepage",
		"transparent_hugepage.defrag", "transparent_hugepage.khugepaged.defrag",
		"transparent_hugepage.size.64K", "transparent_hugepage.shmem_size.2M" };
	static const char *const files[] = { "enabled", "defrag", "khugepaged/defrag",
		"hugepages-64kB/enabled", "hugepages-2048kB/shmem_enabled" };

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		struct setting_target t;

		assert_int_equal(setting_target_init(settings[i], NULL, &t), 0);
		assert_string_equal(strstr(t.path, "hugepage/") + 9, files[i]);
	}
}

static void a_size_that_this_kernel_lacks_does_not_apply(void **state) {
	struct setting_state s = { .setting = strdup("transparent_hugepage.size.64K"),
		.wanted = strdup("never"),
		.actual = strdup("") };
	struct settings all = { calloc(1, sizeof(s)), 1 };

	all.items[0] = s;
	assert_int_equal(setting_state_compare(&all.items[0], tree), 0);
	assert_int_equal(all.items[0].result, SETTING_NOT_APPLICABLE);
	assert_non_null(strstr(all.items[0].reason, "64K"));
	tree_write_text(tree, "sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
		"always inherit madvise [never]\n");
	assert_int_equal(setting_state_compare(&all.items[0], tree), 0);
	assert_int_equal(all.items[0].result, SETTING_OK);
	settings_done(&all);
}

static void a_shorter_list_of_zones_is_fulfilled_by_its_beginning(void **state) {
	static const char setting[] = "sysctl.vm.lowmem_reserve_ratio";

	assert_true(setting_same(setting, "256 256 32", "256 256 32 0 0"));
	assert_false(setting_same(setting, "256 25", "256 256 32 0 0"));
	assert_false(setting_same(setting, "256 256 32 0 0 1", "256 256 32 0 0"));
	assert_false(setting_same("sysctl.vm.swappiness", "6", "60"));
}

/* ---- swap -------------------------------------------------------------------------------------- */

static void swap_reads_as_devices_with_priorities(void **state) {
	tree_write_text(tree, "proc/swaps",
		"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		"/dev/sda2                               partition\t2097148\t0\t-2\n"
		"/swap\\040file                            file\t\t1024\t0\t5\n");
	assert_value("swap", "/dev/sda2:-2 /swap\\040file:5");
	assert_false(setting_same("swap", "off", "/dev/sda2:-2"));
	assert_false(setting_same("swap", "report", "/dev/sda2:-2"));
	tree_write_text(tree, "proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	assert_value("swap", "off");
	assert_true(setting_same("swap", "report", "off"));
}

static void what_is_not_a_file_is_never_written_elsewhere(void **state) {
	char reason[SETTING_REASON_MAX];

	tree_write_text(tree, "proc/swaps", "Filename\n/dev/sda2 partition 1 0 -2\n");
	tree_write_text(tree, "proc/mounts", "");
	assert_int_equal(setting_write(tree, "swap", "off", reason), -EROFS);
	assert_int_equal(setting_write(tree, "swap", "report", reason), -EPERM);
	assert_int_equal(setting_write(tree, "hugetlbfs./mnt/huge", "2M 0:0 0755", reason), -EROFS);
	assert_non_null(strstr(reason, "another machine"));
}

/* ---- mounts ------------------------------------------------------------------------------------ */

static void a_mount_reads_as_pages_owner_and_mode(void **state) {
	tree_write_text(tree, "proc/mounts",
		"nodev /mnt/huge hugetlbfs rw,relatime,uid=5,gid=44,mode=770,pagesize=1024M 0 0\n"
		"tmpfs /mnt/other tmpfs rw 0 0\n"
		"none /mnt/twice tmpfs rw 0 0\n"
		"none /mnt/twice hugetlbfs rw,pagesize=2M 0 0\n");
	assert_value("hugetlbfs./mnt/huge", "1G 5:44 0770");
	assert_value("hugetlbfs./mnt/other", "tmpfs");
	assert_value("hugetlbfs./mnt/twice", "2M 0:0 0755");
	assert_value("hugetlbfs./mnt/none", "absent");
	assert_value("hugetlbfs./mnt/hug", "absent");
}

static void names_and_numbers_of_users_are_the_same(void **state) {
	static const char setting[] = "hugetlbfs./mnt/huge";

	assert_true(setting_same(setting, "2M root:root 0755", "2M 0:0 0755"));
	assert_true(setting_same(setting, "2048K 0:root 755", "2M 0:0 0755"));
	assert_false(setting_same(setting, "2M root:root 0755", "2M 0:0 0750"));
	assert_false(setting_same(setting, "2M nobody-of-this-name:root 0755", "2M 0:0 0755"));
	assert_false(setting_same(setting, "2M root:root 0755", "absent"));
	assert_true(setting_same(setting, "absent", "absent"));
	assert_true(setting_same(setting, "absent below /mnt", "absent"));
	assert_false(setting_same(setting, "absent below /mnt", "2M 0:0 0755"));
	assert_false(setting_same(setting, "absentee", "absent"));
}

/* ---- what can be seen without trying ----------------------------------------------------------- */

static const char *blocked(const char *setting) {
	static char reason[SETTING_REASON_MAX];
	struct setting_target t;

	assert_int_equal(setting_target_init(setting, tree, &t), 0);
	return setting_is_blocked(&t, "1", "0", reason) ? reason : NULL;
}

static void the_innermost_mount_decides_whether_it_is_read_only(void **state) {
	tree_write_text(tree, "proc/sys/vm/swappiness", "1\n");
	tree_write_text(tree, "proc/mounts",
		"overlay / overlay ro,relatime 0 0\nproc /proc proc rw 0 0\n"
		"proc /proc/sys proc ro,nosuid 0 0\nproc /proc/sys/vm proc rw 0 0\n"
		"sysfs /sy sysfs rw 0 0\n");
	assert_null(blocked("sysctl.vm.swappiness"));
	assert_non_null(strstr(blocked("sysctl.kernel.numa_balancing"), "/proc/sys is mounted"));
	assert_non_null(strstr(blocked("ksm.run"), "/ is mounted"));
	assert_null(blocked("swap"));
}

/* ---- who else ---------------------------------------------------------------------------------- */

static size_t owners(struct claims *c, const char *setting, const char *wanted,
	struct owner ret[static OWNERS_MAX]) {
	struct host_wish wish = { (char *)setting, (char *)wanted,
		{ "/etc/rtmem.d/a.yaml", 4, 1 } };

	claims_done(c);
	assert_int_equal(claims_load(tree, c), 0);
	return owners_find(c, &wish, ret);
}

static void of_sysctl_files_the_one_that_counts_is_told(void **state) {
	_cleanup_claims_ struct claims c = { 0 };
	struct owner o[OWNERS_MAX];

	tree_write_text(tree, "etc/sysctl.d/50-a.conf", "vm.swappiness = 10\n");
	tree_write_text(tree, "usr/lib/sysctl.d/50-a.conf", "vm.swappiness = 99\n");
	tree_write_text(
		tree, "run/sysctl.d/60-b.conf", "#vm.swappiness=1\n;x\n\n-vm/swappiness=20\n");
	tree_write_text(tree, "usr/lib/sysctl.d/90-all.conf", "vm.swap*=30\nvm.swappiness\n");
	assert_int_equal(owners(&c, "sysctl.vm.swappiness", "20", o), 1);
	assert_string_equal(o[0].place, "/run/sysctl.d/60-b.conf:4");
	assert_string_equal(o[0].value, "20");
	assert_true(o[0].agrees);
	tree_write_text(tree, "etc/sysctl.conf", "vm.swappiness=40");
	assert_int_equal(owners(&c, "sysctl.vm.swappiness", "20", o), 1);
	assert_string_equal(o[0].place, "/etc/sysctl.conf:1");
	assert_false(o[0].agrees);
}

static void the_pool_without_a_size_is_that_of_the_usual_size(void **state) {
	_cleanup_claims_ struct claims c = { 0 };
	struct owner o[OWNERS_MAX];

	tree_write_text(tree, "proc/meminfo", "Hugepagesize:    1048576 kB\n");
	tree_write_text(
		tree, "proc/cmdline", "quiet hugepages=3 hugepagesz=2M hugepages=0:5,1:6 -- x=y\n");
	tree_write_text(tree, "etc/sysctl.d/a.conf", "vm.nr_hugepages=7\n");
	assert_int_equal(owners(&c, "hugepages.1G", "3", o), 2);
	assert_true(o[0].agrees);
	assert_string_equal(o[0].what, "kernel command line");
	assert_string_equal(o[1].value, "7");
	assert_int_equal(owners(&c, "hugepages.2M.node1", "6", o), 1);
	assert_true(o[0].agrees);
	assert_int_equal(owners(&c, "hugepages.2M", "64", o), 0);
}

static void a_profile_beats_what_it_includes_and_a_circle_ends(void **state) {
	_cleanup_claims_ struct claims c = { 0 };
	struct owner o[OWNERS_MAX];

	tree_write_text(tree, "etc/tuned/active_profile", "outer\n");
	tree_write_text(tree, "etc/tuned/outer/tuned.conf",
		"[sysctl]\nvm.swappiness=1\n[main]\ninclude=inner, ../../etc\n");
	tree_write_text(tree, "usr/lib/tuned/inner/tuned.conf",
		"[main]\ninclude=outer\n[sysctl]\nvm.swappiness=2\nkernel.numa_balancing = 0\n");
	assert_int_equal(owners(&c, "sysctl.vm.swappiness", "1", o), 1);
	assert_string_equal(o[0].what, "TuneD profile outer");
	assert_int_equal(owners(&c, "sysctl.kernel.numa_balancing", "0", o), 1);
	assert_string_equal(o[0].place, "/usr/lib/tuned/inner/tuned.conf:5");
}

static void a_policy_is_not_another_owner_of_its_own_wish(void **state) {
	struct host_wish wishes[] = {
		{ (char *)"swap", (char *)"off", { "/etc/rtmem.d/a.yaml", 4, 1 } },
		{ (char *)"swap", (char *)"report", { "/etc/rtmem.d/b.yaml", 5, 1 } },
	};
	struct policy_set set = { .wishes = wishes, .n_wishes = ARRAY_LEN(wishes) };
	_cleanup_claims_ struct claims c = { 0 };
	struct owner o[OWNERS_MAX];

	assert_int_equal(claims_add_policies(&set, &c), 0);
	assert_int_equal(owners_find(&c, &wishes[0], o), 1);
	assert_string_equal(o[0].place, "/etc/rtmem.d/b.yaml:5");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(every_kind_is_complete),
		CASE(what_forbids_compaction_is_written_last),
		CASE(settings_of_transparent_huge_pages_have_their_files),
		CASE(a_size_that_this_kernel_lacks_does_not_apply),
		CASE(a_shorter_list_of_zones_is_fulfilled_by_its_beginning),
		CASE(swap_reads_as_devices_with_priorities),
		CASE(what_is_not_a_file_is_never_written_elsewhere),
		CASE(a_mount_reads_as_pages_owner_and_mode),
		CASE(names_and_numbers_of_users_are_the_same),
		CASE(the_innermost_mount_decides_whether_it_is_read_only),
		CASE(of_sysctl_files_the_one_that_counts_is_told),
		CASE(the_pool_without_a_size_is_that_of_the_usual_size),
		CASE(a_profile_beats_what_it_includes_and_a_circle_ends),
		CASE(a_policy_is_not_another_owner_of_its_own_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
