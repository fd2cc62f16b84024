/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool. Its source is part of this program, so that a test can hold its mutex and see what the kernel
 * makes of those who wait.
 */
#include "librtmem/pool.c" // NOLINT(bugprone-suspicious-include)

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/librtmem/support.h"

#define N_BLOCKS 8

static struct rtmem_pool *make(size_t block_bytes, size_t n_blocks, size_t alignment) {
	struct rtmem_pool *p = NULL;

	assert_true(rtmem_pool_new(&p, block_bytes, n_blocks, alignment) >= 0);
	assert_non_null(p);
	return p;
}

static struct rtmem_pool_statistics statistics_of(struct rtmem_pool *p) {
	struct rtmem_pool_statistics s;

	rtmem_pool_inspect(p, &s);
	return s;
}

static void every_block_is_another(void **state) {
	struct rtmem_pool *p = make(100, N_BLOCKS, 0);
	char *blocks[N_BLOCKS];

	for (size_t i = 0; i < N_BLOCKS; i++) {
		blocks[i] = rtmem_pool_get(p);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int)i, 100);
	}
	for (size_t i = 0; i < N_BLOCKS; i++) {
		for (size_t b = 0; b < 100; b++)
			assert_int_equal(blocks[i][b], i);
		assert_int_equal(rtmem_pool_put(p, blocks[i]), 0);
	}
	assert_int_equal(statistics_of(p).n_used, 0);
	rtmem_pool_free(p);
}

static void an_exhausted_pool_has_none_and_counts_it(void **state) {
	struct rtmem_pool *p = make(32, 2, 0);
	void *a = rtmem_pool_get(p), *b = rtmem_pool_get(p);

	assert_non_null(a);
	assert_non_null(b);
	assert_null(rtmem_pool_get(p));
	assert_null(rtmem_pool_get(p));
	assert_int_equal(statistics_of(p).n_exhausted, 2);
	assert_int_equal(statistics_of(p).n_used_most, 2);
	assert_int_equal(rtmem_pool_put(p, a), 0);
	assert_ptr_equal(rtmem_pool_get(p), a);
	assert_int_equal(statistics_of(p).n_exhausted, 2);
	rtmem_pool_free(p);
}

static void a_block_given_back_twice_is_refused(void **state) {
	struct rtmem_pool *p = make(32, 4, 0);
	void *a = rtmem_pool_get(p), *b;

	assert_int_equal(rtmem_pool_put(p, a), 0);
	assert_int_equal(rtmem_pool_put(p, a), -EALREADY);
	assert_int_equal(statistics_of(p).n_refused, 1);
	assert_int_equal(statistics_of(p).n_used, 0);
	a = rtmem_pool_get(p);
	b = rtmem_pool_get(p);
	assert_ptr_not_equal(a, b);
	rtmem_pool_free(p);
}

static void a_foreign_pointer_is_refused(void **state) {
	struct rtmem_pool *p = make(48, 4, 0), *other = make(48, 4, 0);
	char *a = rtmem_pool_get(p), *b = rtmem_pool_get(other), local;
	void *const foreign[] = { a + 1, a + 47, a - 1, a + (size_t)48 * 4, &local, b, (void *)1,
		(void *)UINTPTR_MAX, p, p->blocks - 48, (char *)p + p->map_bytes };
	struct rtmem_pool_statistics before = statistics_of(p), after;

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		assert_int_equal(rtmem_pool_put(p, foreign[i]), -EINVAL);
	after = statistics_of(p);
	assert_int_equal(after.n_refused, ARRAY_LEN(foreign));
	assert_int_equal(after.n_used, before.n_used);
	assert_int_equal(rtmem_pool_put(p, NULL), 0);
	assert_int_equal(rtmem_pool_put(p, a), 0);
	rtmem_pool_free(p);
	rtmem_pool_free(other);
}

static void blocks_are_aligned_as_wished(void **state) {
	static const size_t alignments[] = { 1, 2, 16, 64, 4096 };

	for (size_t i = 0; i < ARRAY_LEN(alignments); i++) {
		struct rtmem_pool *p = make(alignments[i] + 1, N_BLOCKS, alignments[i]);

		for (size_t n = 0; n < N_BLOCKS; n++)
			assert_int_equal((uintptr_t)rtmem_pool_get(p) % alignments[i], 0);
		rtmem_pool_free(p);
	}
}

static void what_writes_past_a_block_leaves_the_pool_whole(void **state) {
	struct rtmem_pool *p = make(64, N_BLOCKS, 0);
	char *a = rtmem_pool_get(p);

	memset(a, 0xff, (size_t)64 * N_BLOCKS);
	for (size_t i = 1; i < N_BLOCKS; i++)
		assert_non_null(rtmem_pool_get(p));
	assert_null(rtmem_pool_get(p));
	rtmem_pool_free(p);
}

static void sizes_that_make_no_pool_are_refused(void **state) {
	static const struct {
		size_t block_bytes, n_blocks, alignment;
		int error;
	} cases[] = {
		{ 0, 1, 0, -EINVAL },
		{ 1, 0, 0, -EINVAL },
		{ 8, 8, 3, -EINVAL },
		{ 8, 8, 8192, -EINVAL },
		{ 8, (size_t)UINT32_MAX + 1, 0, -EOVERFLOW },
		{ SIZE_MAX, 2, 0, -EOVERFLOW },
		{ SSIZE_MAX, 4, 0, -EOVERFLOW },
		{ (size_t)1 << 62, 1000, 4096, -EOVERFLOW },
		{ (size_t)1 << 46, 8, 0, -ENOMEM },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rtmem_pool *p = NULL;

		assert_int_equal(rtmem_pool_new(&p, cases[i].block_bytes, cases[i].n_blocks,
					 cases[i].alignment),
			cases[i].error);
		assert_null(p);
	}
	assert_null(rtmem_pool_free(NULL));
}

static void all_of_a_pool_is_present_at_once(void **state) {
	struct rtmem_pool *p = make(4096, 256, 0);

	assert_int_equal(absent_bytes(p, p->map_bytes), 0);
	assert_int_equal(
		p->statistics.locked, may_lock(p->map_bytes) ? RTMEM_LOCKED : RTMEM_PRESENT);
	rtmem_pool_free(p);
}

/* ---- priority inheritance ---------------------------------------------------------------------- */

struct waiter {
	struct rtmem_pool *pool;
	pid_t holder;
};

static void *wait_for_block(void *userdata) {
	struct waiter *w = userdata;

	return rtmem_pool_get(w->pool);
}

/* proc(5): a real-time thread's priority is shown as -1 - priority */
static bool holder_is_raised(void *userdata) {
	struct waiter *w = userdata;

	return thread_stat(w->holder, 18) == -1 - 30;
}

static void who_holds_the_mutex_gets_the_priority_of_who_waits(void **state) {
	struct rtmem_pool *p = make(64, 4, 0);
	struct waiter w = { p, (pid_t)syscall(SYS_gettid) };
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	struct rtmem_thread *t = NULL;
	void *block = NULL;

	a.policy = SCHED_FIFO;
	a.priority = 30;
	if (!may_run_in_real_time()) {
		print_message("skipped: no right to SCHED_FIFO\n");
		rtmem_pool_free(p);
		skip();
	}
	assert_int_equal(pthread_mutex_lock(&p->mutex), 0);
	assert_false(holder_is_raised(&w));
	assert_true(rtmem_thread_create(&t, &a, wait_for_block, &w) >= 0);
	assert_true(wait_until(holder_is_raised, &w));
	assert_int_equal(pthread_mutex_unlock(&p->mutex), 0);
	assert_int_equal(rtmem_thread_join(t, &block), 0);
	assert_non_null(block);
	assert_false(holder_is_raised(&w));
	rtmem_pool_free(p);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_is_another),
		cmocka_unit_test(an_exhausted_pool_has_none_and_counts_it),
		cmocka_unit_test(a_block_given_back_twice_is_refused),
		cmocka_unit_test(a_foreign_pointer_is_refused),
		cmocka_unit_test(blocks_are_aligned_as_wished),
		cmocka_unit_test(what_writes_past_a_block_leaves_the_pool_whole),
		cmocka_unit_test(sizes_that_make_no_pool_are_refused),
		cmocka_unit_test(all_of_a_pool_is_present_at_once),
		cmocka_unit_test(who_holds_the_mutex_gets_the_priority_of_who_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
