/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment on its way in (rtmem-exec merges) and out (libinit restores): what a child of the
 * program sees must be what the caller had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "common/strv.h"
#include "exec/launch.h"
#include "libinit/init.h"

#define LIBRARY "/usr/lib/rtmem/librtmem-init.so"

static void add(char ***v, const char *s) {
	assert_int_equal(strv_append(v, s), 0);
}

static const char *get(const struct launch *l, const char *key) {
	return strv_env_get(l->env, key);
}

/* ---- in ---------------------------------------------------------------------------------------- */

static void tunables_are_appended_to_the_users(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .trace_fd = -1 };

	add(&l.env, "GLIBC_TUNABLES=glibc.malloc.check=0");
	add(&l.tunables, "glibc.malloc.arena_max=1");
	add(&l.tunables, "glibc.malloc.mmap_max=0");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "GLIBC_TUNABLES"),
		"glibc.malloc.check=0:glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0");
	assert_null(get(&l, RTMEM_ENV_ORIGINAL)); /* no library is there to put them back */
	assert_null(get(&l, RTMEM_ENV_INIT));
}

static void the_users_tunables_are_kept_for_the_library(void **state) {
	_cleanup_launch_ struct launch l = {
		.report_fd = -1, .trace_fd = -1, .library = strdup(LIBRARY)
	};

	add(&l.env, "GLIBC_TUNABLES=glibc.malloc.check=0");
	add(&l.tunables, "glibc.malloc.arena_max=1");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, RTMEM_ENV_ORIGINAL), "glibc.malloc.check=0");
}

static void the_users_value_of_a_tunable_wins(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .trace_fd = -1 };

	add(&l.env, "GLIBC_TUNABLES=glibc.malloc.arena_max=8");
	add(&l.tunables, "glibc.malloc.arena_max=1");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "GLIBC_TUNABLES"), "glibc.malloc.arena_max=8");
}

static void a_tunable_whose_name_begins_alike_is_another(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .trace_fd = -1 };

	add(&l.env, "GLIBC_TUNABLES=glibc.malloc.mmap_max_extra=9");
	add(&l.tunables, "glibc.malloc.mmap_max=0");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(
		get(&l, "GLIBC_TUNABLES"), "glibc.malloc.mmap_max_extra=9:glibc.malloc.mmap_max=0");
}

static void our_library_comes_first(void **state) {
	_cleanup_launch_ struct launch l = {
		.report_fd = -1, .trace_fd = -1, .library = strdup(LIBRARY)
	};

	add(&l.env, "LD_PRELOAD=/a/liba.so /b/libb.so");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "LD_PRELOAD"), LIBRARY ":/a/liba.so:/b/libb.so");
}

static void a_sanitizer_comes_before_ours(void **state) {
	_cleanup_launch_ struct launch l = {
		.report_fd = -1, .trace_fd = -1, .library = strdup(LIBRARY)
	};

	add(&l.env, "LD_PRELOAD=/a/liba.so:/usr/lib/libasan.so.8");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "LD_PRELOAD"), "/usr/lib/libasan.so.8:" LIBRARY ":/a/liba.so");
}

static void our_library_is_not_doubled(void **state) {
	_cleanup_launch_ struct launch l = {
		.report_fd = -1, .trace_fd = -1, .library = strdup(LIBRARY)
	};

	add(&l.env, "LD_PRELOAD=" LIBRARY);
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "LD_PRELOAD"), LIBRARY);
}

static void unset_takes_the_whole_name_only(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .trace_fd = -1 };
	const struct step s = { .kind = STEP_ENV_UNSET, .text = (char[]){ "NOTIFY" } };

	add(&l.env, "NOTIFY=1");
	add(&l.env, "NOTIFY_SOCKET=/x");
	assert_int_equal(step_env_unset(&l, &s), 0);
	assert_null(get(&l, "NOTIFY"));
	assert_string_equal(get(&l, "NOTIFY_SOCKET"), "/x");
}

static void an_allocator_is_preloaded_behind_our_library(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .library = strdup(LIBRARY) };

	add(&l.more_libraries, "/lib/libjemalloc.so.2");
	add(&l.env, "LD_PRELOAD=/a/liba.so:/lib/libjemalloc.so.2");
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "LD_PRELOAD"), LIBRARY ":/lib/libjemalloc.so.2:/a/liba.so");
	assert_string_equal(
		get(&l, RTMEM_ENV_WAS "LD_PRELOAD"), "/a/liba.so:/lib/libjemalloc.so.2");
}

static void merge(struct launch *l, const char *text, char separator, bool keep) {
	struct step s = { .kind = STEP_ENV_MERGE, .text = strdup(text) };

	s.number[0] = separator;
	s.number[1] = keep;
	assert_int_equal(step_env_merge(l, &s), 0);
	free(s.text);
}

static void the_users_settings_of_an_allocator_come_last_or_stay(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1, .library = strdup(LIBRARY) };

	add(&l.env, "MALLOC_CONF=narenas:2");
	add(&l.env, "MIMALLOC_PAGE_RESET=1");
	merge(&l, "MALLOC_CONF=dirty_decay_ms:-1,narenas:8", ',', false);
	merge(&l, "MIMALLOC_PAGE_RESET=0", '\0', false);
	merge(&l, "MIMALLOC_ALLOW_DECOMMIT=0", '\0', false);
	merge(&l, "JDK_JAVA_OPTIONS=-XX:+AlwaysPreTouch -Xms1m", ' ', true);
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "MALLOC_CONF"), "dirty_decay_ms:-1,narenas:8,narenas:2");
	assert_string_equal(get(&l, "MIMALLOC_PAGE_RESET"), "1");
	assert_string_equal(get(&l, "MIMALLOC_ALLOW_DECOMMIT"), "0");
	assert_string_equal(get(&l, "JDK_JAVA_OPTIONS"), "-XX:+AlwaysPreTouch -Xms1m");
	/* and the way back */
	assert_string_equal(get(&l, RTMEM_ENV_WAS "MALLOC_CONF"), "narenas:2");
	assert_string_equal(get(&l, RTMEM_ENV_ADDED "MIMALLOC_ALLOW_DECOMMIT"), "");
	assert_null(get(&l, RTMEM_ENV_ADDED "MIMALLOC_PAGE_RESET"));
	assert_null(get(&l, RTMEM_ENV_ADDED "JDK_JAVA_OPTIONS"));
}

static void without_our_library_nothing_is_there_to_undo_it(void **state) {
	_cleanup_launch_ struct launch l = { .report_fd = -1 };

	merge(&l, "MALLOC_CONF=dirty_decay_ms:-1", ',', false);
	assert_int_equal(environment_finish(&l), 0);
	assert_string_equal(get(&l, "MALLOC_CONF"), "dirty_decay_ms:-1");
	assert_null(get(&l, RTMEM_ENV_ADDED "MALLOC_CONF"));
}

/* ---- out --------------------------------------------------------------------------------------- */

#define ENTRIES_MAX 8

struct row {
	const char *before[ENTRIES_MAX];
	const char *after[ENTRIES_MAX];
};

static const struct row rows[] = {
	/* nothing of ours: nothing is touched */
	{ { "A=1", "LD_PRELOAD=/x/" RTMEM_INIT_LIBRARY },
		{ "A=1", "LD_PRELOAD=/x/" RTMEM_INIT_LIBRARY } },
	{ { "A=1", "RTMEM_INIT=1 lock=strict", "B=2" }, { "A=1", "B=2" } },
	{ { "RTMEM_INIT=", "LD_PRELOAD=" LIBRARY }, { NULL } },
	{ { "RTMEM_INIT=x", "LD_PRELOAD=" LIBRARY ":/a/liba.so" }, { "LD_PRELOAD=/a/liba.so" } },
	{ { "RTMEM_INIT=x", "LD_PRELOAD=/a/liba.so " LIBRARY }, { "LD_PRELOAD=/a/liba.so" } },
	{ { "RTMEM_INIT=x", "LD_PRELOAD=a:" LIBRARY ":b" }, { "LD_PRELOAD=a:b" } },
	{ { "RTMEM_INIT=x", "LD_PRELOAD=/a/not" RTMEM_INIT_LIBRARY },
		{ "LD_PRELOAD=/a/not" RTMEM_INIT_LIBRARY } },
	{ { "RTMEM_INIT=x", "GLIBC_TUNABLES=a=1:b=2", "RTMEM_TUNABLES=" }, { NULL } },
	{ { "RTMEM_TUNABLES=a=1", "GLIBC_TUNABLES=a=1:b=2", "RTMEM_INIT=x" },
		{ "GLIBC_TUNABLES=a=1" } },
	/* by hand, without rtmem-exec */
	{ { "RTMEM_INIT=x", "GLIBC_TUNABLES=a=1" }, { "GLIBC_TUNABLES=a=1" } },
	/* odd entries */
	{ { "", "=", "RTMEM_INIT=x", "RTMEM_INITIAL=1", "NOVALUE", "RTMEM_INIT=y" },
		{ "", "=", "RTMEM_INITIAL=1", "NOVALUE" } },
	/* what was merged, or wasn't there */
	{ { "RTMEM_INIT=x", "MALLOC_CONF=a,b", "RTMEM_WAS_MALLOC_CONF=b", "B=2" },
		{ "MALLOC_CONF=b", "B=2" } },
	{ { "RTMEM_ADDED_M=", "M=0", "RTMEM_INIT=x", "MM=1" }, { "MM=1" } },
	{ { "RTMEM_WAS_LD_PRELOAD=/x y", "LD_PRELOAD=" LIBRARY ":/x:y", "RTMEM_INIT=x" },
		{ "LD_PRELOAD=/x y" } },
	{ { "RTMEM_ADDED_LD_PRELOAD=", "LD_PRELOAD=" LIBRARY ":/j.so", "RTMEM_INIT=x" }, { NULL } },
	{ { "M=0", "RTMEM_ADDED_M=" }, { "M=0", "RTMEM_ADDED_M=" } },
	/* an original longer than what we were given can't have been merged by us */
	{ { "RTMEM_INIT=x", "GLIBC_TUNABLES=a", "RTMEM_TUNABLES=aaaaaaaaaaaaaaaa" },
		{ "GLIBC_TUNABLES=a" } },
};

static void what_a_child_sees_is_what_the_caller_had(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *env[ENTRIES_MAX + 1] = { NULL };
		size_t n = 0, kept = 0;

		for (; rows[i].before[n]; n++)
			env[n] = strdup(rows[i].before[n]);
		char *all[ENTRIES_MAX];
		memcpy(all, env, sizeof(all));
		environment_take(env);
		for (; env[kept]; kept++) {
			assert_non_null(rows[i].after[kept]);
			assert_string_equal(env[kept], rows[i].after[kept]);
		}
		assert_null(rows[i].after[kept]);
		for (size_t e = kept; e <= n; e++)
			assert_null(env[e]); /* nothing that looks like an auxiliary vector */
		for (size_t e = 0; e < n; e++)
			free(all[e]);
	}
}

static void the_order_is_found(void **state) {
	char first[] = "A=1", order[] = "RTMEM_INIT=1 lock=strict";
	char *env[] = { first, order, NULL };
	char *none[] = { first, NULL };
	char *empty[] = { NULL };

	assert_string_equal(environment_order(env), "1 lock=strict");
	assert_null(environment_order(none));
	assert_null(environment_order(empty));
	assert_null(environment_order(NULL));
}

static void what_inherits_finds_the_same_order_but_no_socket(void **state) {
	char a[] = "A=1", order[] = "RTMEM_INIT=1 lock=strict arenas=1 children=1 report=3";
	char tunables[] = "GLIBC_TUNABLES=a=1:b=2", original[] = "RTMEM_TUNABLES=a=1";
	char library[] = "LD_PRELOAD=" LIBRARY;
	char *env[] = { a, order, tunables, original, library, NULL };
	struct init_order o;

	assert_int_equal(init_order_parse(environment_order(env), &o), 0);
	environment_pass_on(env, &o);
	assert_string_equal(env[1], "RTMEM_INIT=1 lock=strict arenas=1 children=1");
	assert_ptr_equal(env[0], a);
	assert_ptr_equal(env[2], tunables);
	assert_ptr_equal(env[3], original);
	assert_ptr_equal(env[4], library);
	assert_null(env[5]);
	/* and its children from it, and so on */
	environment_pass_on(env, &o);
	assert_string_equal(environment_order(env), "1 lock=strict arenas=1 children=1");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tunables_are_appended_to_the_users),
		cmocka_unit_test(the_users_tunables_are_kept_for_the_library),
		cmocka_unit_test(the_users_value_of_a_tunable_wins),
		cmocka_unit_test(a_tunable_whose_name_begins_alike_is_another),
		cmocka_unit_test(our_library_comes_first),
		cmocka_unit_test(a_sanitizer_comes_before_ours),
		cmocka_unit_test(our_library_is_not_doubled),
		cmocka_unit_test(an_allocator_is_preloaded_behind_our_library),
		cmocka_unit_test(the_users_settings_of_an_allocator_come_last_or_stay),
		cmocka_unit_test(without_our_library_nothing_is_there_to_undo_it),
		cmocka_unit_test(unset_takes_the_whole_name_only),
		cmocka_unit_test(what_a_child_sees_is_what_the_caller_had),
		cmocka_unit_test(the_order_is_found),
		cmocka_unit_test(what_inherits_finds_the_same_order_but_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
