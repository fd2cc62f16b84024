/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "changing.h"

#include <stdlib.h>
#include <string.h>

static int on_try(const struct transaction *t) {
	struct fixture *f = t->userdata;

	f->journal_at_try = tree_read(f->tree, JOURNAL);
	return f->on_try_result;
}

int changing_setup(void **state) {
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

int changing_teardown(void **state) {
	struct fixture *f = *state;

	settings_done(&f->settings);
	host_writes_done(&f->writes);
	tree_free(f->tree);
	free(f->state_dir);
	free(f->journal_at_try);
	free(f);
	return 0;
}

void want(struct fixture *f, const char *setting, const char *wanted) {
	f->wishes[f->set.n_wishes++] = (struct host_wish){ .setting = (char *)setting,
		.wanted = (char *)wanted };
}

void want_all(struct fixture *f) {
	want(f, "sysctl.vm.compact_unevictable_allowed", "0");
	want(f, "sysctl.vm.swappiness", "1");
	want(f, "hugepages.2M", "8");
}

int apply_with(struct fixture *f, unsigned flags, uint64_t try_usec) {
	settings_done(&f->settings);
	host_writes_done(&f->writes);
	return transaction_apply(
		&f->t, &f->set, flags, try_usec, &f->settings, &f->writes, f->problem);
}

void apply(struct fixture *f) {
	assert_int_equal(apply_with(f, 0, 0), 0);
	assert_string_equal(f->problem, "");
}

void roll_back(struct fixture *f, bool force) {
	host_writes_done(&f->writes);
	assert_int_equal(transaction_rollback(&f->t, force, &f->writes, f->problem), 0);
}

void revert(struct fixture *f, bool only_due) {
	host_writes_done(&f->writes);
	assert_int_equal(transaction_revert(&f->t, only_due, &f->writes, f->problem), 0);
}

struct try_state tried(struct fixture *f) {
	struct try_state s;

	assert_int_equal(transaction_try_state(&f->t, &s), 0);
	return s;
}

void assert_value(struct fixture *f, const char *path, const char *value) {
	_cleanup_free_ char *text = tree_read(f->tree, path);

	assert_non_null(text);
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, value);
}

void assert_originals(struct fixture *f) {
	assert_value(f, SWAPPINESS, "60");
	assert_value(f, OVERCOMMIT, "0");
	assert_value(f, UNMOVABLE, "1");
	assert_value(f, HUGE_2M, "0");
}

const struct host_write *find_write(struct fixture *f, const char *setting) {
	for (size_t i = 0; i < f->writes.n_items; i++)
		if (strcmp(f->writes.items[i].setting, setting) == 0)
			return &f->writes.items[i];
	fail_msg("no write of %s", setting);
	return NULL;
}
