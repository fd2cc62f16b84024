/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where control groups belong, on played trees: what is there decides, and what is missing is said. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/cgroup.h"
#include "support/tree.h"

#define V2_AT_THE_TOP "31 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID                                                              \
	"30 29 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" \
	"31 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define READ_ONLY "31 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw\n"
#define FOREIGN	  "31 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

static char *root;

static int make_root(void **state) {
	root = tree_new();
	return root ? 0 : -1;
}

static int remove_root(void **state) {
	tree_free(root);
	return 0;
}

static void locate(const char *runtime_dir, struct cgroup_place *ret) {
	assert_int_equal(cgroup_locate(root, runtime_dir, ret), 0);
}

static void assert_below(const char *path, const char *expected) {
	assert_int_equal(strncmp(path, root, strlen(root)), 0);
	assert_string_equal(path + strlen(root), expected);
}

static void without_systemd_a_group_of_ours_is_at_the_top(void **state) {
	struct cgroup_place c;
	char path[PATH_MAX];

	tree_write_text(root, "proc/self/mountinfo", V2_AT_THE_TOP);
	tree_write_text(root, "sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
	locate("/run/rtmem", &c);
	assert_true(c.usable);
	assert_true(c.memory);
	assert_below(c.top, "/sys/fs/cgroup");
	assert_below(c.base, "/sys/fs/cgroup/rtmem");
	assert_true(cgroup_path_of(&c, "camera", path));
	assert_below(path, "/sys/fs/cgroup/rtmem/camera");
}

static void another_runtime_directory_has_groups_of_its_own(void **state) {
	struct cgroup_place a, b;

	locate("/tmp/one", &a);
	locate("/tmp/two", &b);
	assert_true(a.usable && b.usable);
	assert_string_not_equal(a.base, b.base);
	assert_non_null(strstr(a.base, "/sys/fs/cgroup/rtmem-"));
}

static void a_name_with_a_dot_is_no_file_of_the_kernel(void **state) {
	struct cgroup_place c;
	char path[PATH_MAX];

	locate("/run/rtmem", &c);
	assert_true(cgroup_path_of(&c, "cgroup.procs", path));
	assert_below(path, "/sys/fs/cgroup/rtmem/_cgroup.procs");
}

static void memory_of_v1_is_told(void **state) {
	struct cgroup_place c;

	tree_write_text(root, "proc/self/mountinfo", HYBRID);
	tree_write_text(
		root, "proc/cgroups", "#subsys_name\thierarchy\ncpu\t3\t1\t1\nmemory\t4\t85\t1\n");
	tree_write_text(root, "sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n");
	locate("/run/rtmem", &c);
	assert_true(c.usable);
	assert_false(c.memory);
	assert_below(c.base, "/sys/fs/cgroup/unified/rtmem");
	assert_non_null(strstr(c.reason, "belongs to cgroup v1"));
}

static void memory_that_is_off_is_told(void **state) {
	struct cgroup_place c;

	tree_write_text(root, "proc/cgroups", "#subsys_name\thierarchy\nmemory\t0\t85\t0\n");
	locate("/run/rtmem", &c);
	assert_false(c.memory);
	assert_non_null(strstr(c.reason, "cgroup_disable=memory"));
}

static void no_v2_that_can_be_written_is_no_place(void **state) {
	static const char *const mounts[] = { "", READ_ONLY, FOREIGN };
	struct cgroup_place c;
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		tree_write_text(root, "proc/self/mountinfo", mounts[i]);
		locate("/run/rtmem", &c);
		assert_false(c.usable);
		assert_non_null(strstr(c.reason, "isn't mounted here for writing"));
		assert_false(cgroup_path_of(&c, "camera", path));
	}
}

static void under_systemd_the_unit_must_be_active(void **state) {
	struct cgroup_place c;

	tree_write_text(root, "proc/self/mountinfo", V2_AT_THE_TOP);
	tree_write_text(root, "run/systemd/system/there", "");
	locate("/run/rtmem", &c);
	assert_false(c.usable);
	assert_non_null(strstr(c.reason, "systemctl start " CGROUP_HOLDER));
}

static void under_systemd_the_unit_holds_them(void **state) {
	struct cgroup_place c;

	tree_write_text(root, "sys/fs/cgroup/system.slice/" CGROUP_HOLDER "/cgroup.controllers",
		"memory pids\n");
	locate("/run/rtmem", &c);
	assert_true(c.usable && c.memory);
	assert_string_equal(c.top, c.base);
	assert_below(c.base, "/sys/fs/cgroup/system.slice/" CGROUP_HOLDER);
	locate("/tmp/one", &c);
	assert_string_not_equal(c.top, c.base);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_systemd_a_group_of_ours_is_at_the_top),
		cmocka_unit_test(another_runtime_directory_has_groups_of_its_own),
		cmocka_unit_test(a_name_with_a_dot_is_no_file_of_the_kernel),
		cmocka_unit_test(memory_of_v1_is_told),
		cmocka_unit_test(memory_that_is_off_is_told),
		cmocka_unit_test(no_v2_that_can_be_written_is_no_place),
		cmocka_unit_test(under_systemd_the_unit_must_be_active),
		cmocka_unit_test(under_systemd_the_unit_holds_them),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
