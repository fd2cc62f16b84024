/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings that somebody else changes, on a tree that is the machine; the time is the test's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/host/host.h"
#include "daemon/host/reapply.h"
#include "daemon/log.h"
#include "house.h"
#include "support/tree.h"

#define SECOND	      UINT64_C(1000000)
#define SWAPPINESS    "proc/sys/vm/swappiness"
#define POLICY(drift) "version: 1\nhost:\n  sysctl: { vm.swappiness: 0 }\n  drift: " drift "\n"

static void begin(struct house *h, const char *policy) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];

	tree_write_text(h->tree, SWAPPINESS, "60\n");
	tree_write_text(h->tree, "etc/sysctl.d/90-other.conf", "vm.swappiness = 33\n");
	h->options.root = h->tree;
	house_move_in(h, policy);
	assert_int_equal(host_apply(&h->manager, h->manager.set, 0, 0, &writes, problem), 0);
	assert_int_equal(host_writes_count(&writes, WRITE_DONE), 1);
}

static void end(struct house *h) {
	host_done(&h->manager);
	settings_done(&h->manager.host);
}

/* Somebody else changes it, and rtmemd looks. Was it set again? */
static bool is_set_again(struct house *h, uint64_t now_usec) {
	_cleanup_free_ char *text = NULL;

	tree_write_text(h->tree, SWAPPINESS, "33\n");
	host_refresh(&h->manager, now_usec);
	text = tree_read(h->tree, SWAPPINESS);
	return text[0] == '0';
}

static void what_is_only_reported_is_left(void **state) {
	struct house *h = *state;

	begin(h, POLICY("report"));
	assert_false(is_set_again(h, SECOND));
	assert_int_equal(h->manager.host.items[0].result, SETTING_DRIFT);
	end(h);
}

static void what_is_set_again_is_as_wanted(void **state) {
	struct house *h = *state;

	begin(h, POLICY("reapply"));
	assert_true(is_set_again(h, SECOND));
	assert_int_equal(h->manager.host.items[0].result, SETTING_OK);
	assert_string_equal(h->manager.host.items[0].original, "60");
	end(h);
}

/* What the log says meanwhile, malloc'ed. */
static char *hear(struct house *h, void (*fn)(struct house *h)) {
	_cleanup_free_ char *path = tree_path(h->tree, "log");
	int saved = dup(STDERR_FILENO);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	log_init(LOG_INFO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	fn(h);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	log_init(LOG_ERR);
	(void)close(saved);
	(void)close(fd);
	return tree_read(h->tree, "log");
}

static void dispute(struct house *h) {
	uint64_t now = SECOND;
	int n = 0;

	for (int round = 0; round < 20; round++, now += 400 * SECOND)
		n += is_set_again(h, now);
	assert_int_equal(n, REAPPLY_MAX);
}

static void who_keeps_changing_it_back_is_named_and_left_alone(void **state) {
	struct house *h = *state;
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	_cleanup_free_ char *log = NULL;
	char problem[SETTING_REASON_MAX];
	const char *said;

	begin(h, POLICY("reapply"));
	log = hear(h, dispute);
	said = strstr(log, "somebody changed it back each time");
	assert_non_null(said);
	assert_non_null(strstr(said, "sysctl.d ("));
	assert_non_null(strstr(said, "90-other.conf:1) wants 33"));
	assert_null(strstr(said + 1, "somebody changed it back each time"));
	/* until somebody decides anew */
	assert_int_equal(host_apply(&h->manager, h->manager.set, 0, 0, &writes, problem), 0);
	assert_true(is_set_again(h, 10000 * SECOND));
	end(h);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(what_is_only_reported_is_left),
		CASE(what_is_set_again_is_as_wanted),
		CASE(who_keeps_changing_it_back_is_named_and_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
