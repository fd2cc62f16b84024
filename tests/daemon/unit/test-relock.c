/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a program under `balanced` is asked to lock again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/watch/relock.h"

#define KIB    1024ull
#define MIB    (1024 * KIB)
#define SECOND 1000000ull

/* As after the lock at ready: 64 MiB, of which 32 KiB can't be locked. */
static struct process_memory memory;
static struct relock relock;

static int setup(void **state) {
	memory = (struct process_memory){ .size_bytes = 64 * MIB,
		.locked_bytes = 64 * MIB - 32 * KIB };
	relock = (struct relock){ .possible = true };
	relock_answered(&relock, 32 * KIB);
	relock_seen(&relock, &memory);
	return 0;
}

static void nothing_new_asks_for_nothing(void **state) {
	assert_false(relock_is_due(&relock, &memory, 100 * SECOND));
}

static void a_late_thread_asks_for_a_lock(void **state) {
	memory.size_bytes += 256 * KIB;
	assert_true(relock_is_due(&relock, &memory, 100 * SECOND));
}

static void what_is_locked_by_itself_asks_for_nothing(void **state) {
	memory.size_bytes += 256 * KIB;
	memory.locked_bytes += 256 * KIB;
	assert_false(relock_is_due(&relock, &memory, 100 * SECOND));
	memory.size_bytes += 2 * MIB;
	memory.hugetlb_bytes += 2 * MIB;
	assert_false(relock_is_due(&relock, &memory, 100 * SECOND));
}

static void where_nobody_listens_nobody_is_asked(void **state) {
	memory.size_bytes += MIB;
	relock.possible = false;
	assert_false(relock_is_due(&relock, &memory, 100 * SECOND));
}

static void an_answer_is_waited_for_but_not_for_ever(void **state) {
	memory.size_bytes += MIB;
	relock_asked(&relock, 100 * SECOND);
	assert_false(relock_is_due(&relock, &memory, 109 * SECOND));
	assert_true(relock_is_due(&relock, &memory, 110 * SECOND));
}

static void what_could_not_be_locked_is_not_tried_again(void **state) {
	memory.size_bytes += MIB;
	relock_asked(&relock, 100 * SECOND);
	relock_answered(&relock, MIB + 32 * KIB);
	assert_false(relock_is_due(&relock, &memory, 1000 * SECOND));
	memory.size_bytes += 4 * KIB;
	assert_true(relock_is_due(&relock, &memory, 1000 * SECOND));
}

static void who_grows_for_ever_is_asked_ever_more_rarely(void **state) {
	unsigned n = 0;

	for (uint64_t now = 100 * SECOND; now < 400 * SECOND; now += SECOND) {
		memory.size_bytes += MIB;
		if (!relock_is_due(&relock, &memory, now))
			continue;
		n++;
		relock_asked(&relock, now);
		memory.locked_bytes = memory.size_bytes - 32 * KIB;
		relock_answered(&relock, 32 * KIB);
	}
	assert_in_range(n, 8, 12); /* after 1, 2, 4 ... 64 s, and each 64 s then */
}

static void who_grows_once_in_a_while_is_asked_at_once(void **state) {
	for (uint64_t now = 1000 * SECOND; now < 10000 * SECOND; now += 600 * SECOND) {
		memory.size_bytes += MIB;
		assert_true(relock_is_due(&relock, &memory, now));
		relock_asked(&relock, now);
		memory.locked_bytes = memory.size_bytes - 32 * KIB;
		relock_answered(&relock, 32 * KIB);
	}
}

static void memory_given_back_is_not_lost(void **state) {
	memory.size_bytes -= 8 * MIB;
	memory.locked_bytes -= 8 * MIB;
	assert_int_equal(relock_lost(&relock, &memory), 0);
}

static void memory_unlocked_is_lost(void **state) {
	memory.locked_bytes -= MIB;
	assert_int_equal(relock_lost(&relock, &memory), MIB);
	memory.locked_bytes = 0;
	memory.size_bytes -= 4 * MIB;
	assert_int_equal(relock_lost(&relock, &memory), 60 * MIB - 32 * KIB);
}

static void after_each_lock_the_next_reading_is_the_measure(void **state) {
	memory.locked_bytes -= MIB;
	relock_asked(&relock, 100 * SECOND);
	relock_seen(&relock, &memory); /* not before the answer */
	assert_int_equal(relock.locked_bytes, 64 * MIB - 32 * KIB);
	relock_answered(&relock, 32 * KIB);
	memory.locked_bytes += 2 * MIB;
	memory.size_bytes += MIB;
	relock_seen(&relock, &memory);
	assert_int_equal(relock.locked_bytes, 65 * MIB - 32 * KIB);
	assert_int_equal(relock_lost(&relock, &memory), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_new_asks_for_nothing, setup),
		cmocka_unit_test_setup(a_late_thread_asks_for_a_lock, setup),
		cmocka_unit_test_setup(what_is_locked_by_itself_asks_for_nothing, setup),
		cmocka_unit_test_setup(where_nobody_listens_nobody_is_asked, setup),
		cmocka_unit_test_setup(an_answer_is_waited_for_but_not_for_ever, setup),
		cmocka_unit_test_setup(what_could_not_be_locked_is_not_tried_again, setup),
		cmocka_unit_test_setup(who_grows_for_ever_is_asked_ever_more_rarely, setup),
		cmocka_unit_test_setup(who_grows_once_in_a_while_is_asked_at_once, setup),
		cmocka_unit_test_setup(memory_given_back_is_not_lost, setup),
		cmocka_unit_test_setup(memory_unlocked_is_lost, setup),
		cmocka_unit_test_setup(after_each_lock_the_next_reading_is_the_measure, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
