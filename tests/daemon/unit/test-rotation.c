/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a file of output is looked at again: soon enough for how it grows, seldom where it doesn't. */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/launch/rotation.h"

#define NOW    1000000000u
#define SECOND 1000000u

static uint64_t pause_of(uint64_t limit, uint64_t before, uint64_t now, uint64_t usec) {
	struct watch w = {
		.size_bytes = limit, .seen_usec = usec ? NOW - usec : 0, .seen_bytes = before
	};

	return watch_next(&w, NOW, now) - NOW;
}

static void a_new_file_is_looked_at_soon(void **state) {
	assert_int_equal(pause_of(1000, 0, 10, 0), LOOK_FIRST_USEC);
}

static void a_quiet_file_is_looked_at_seldom(void **state) {
	assert_int_equal(pause_of(1000, 10, 10, SECOND), LOOK_MAX_USEC);
	assert_int_equal(pause_of(1000, 500, 10, SECOND), LOOK_MAX_USEC); /* it was made shorter */
}

static void a_growing_file_is_looked_at_before_it_is_full(void **state) {
	/* 100 in a second, 400 to go: 4 s, looked at half-way */
	assert_int_equal(pause_of(1000, 500, 600, SECOND), 2 * SECOND);
	assert_int_equal(pause_of(1000000, 500, 600, SECOND), LOOK_MAX_USEC);
}

static void a_fast_one_costs_no_more_than_five_looks_a_second(void **state) {
	assert_int_equal(pause_of(1000, 0, 999, SECOND), LOOK_MIN_USEC);
	assert_int_equal(pause_of(1000, 0, 2000, 1), LOOK_MIN_USEC);
}

static void numbers_of_any_size_are_no_harm(void **state) {
	uint64_t pause = pause_of(UINT64_MAX, 0, 1, 1);

	assert_in_range(pause, LOOK_MIN_USEC, LOOK_MAX_USEC);
	pause = pause_of(UINT64_MAX, 0, UINT64_MAX, NOW);
	assert_in_range(pause, LOOK_MIN_USEC, LOOK_MAX_USEC);
}

/* A helper that finds nothing that it could take away */
static int start_nothing(const char *const *argv, pid_t *ret, void *userdata) {
	char name[] = "true", *arguments[] = { name, NULL };

	++*(int *)userdata;
	return -posix_spawnp(ret, "true", NULL, NULL, arguments, environ);
}

static void one_that_cannot_be_cut_is_not_tried_all_the_time(void **state) {
	char path[] = "/tmp/rtmem-rotation-XXXXXX", gids[] = "0";
	int fd = mkstemp(path), n_started = 0;
	struct watch w = { .path = path, .size_bytes = 1000, .keep = 3, .gids = gids };
	uint64_t before = watch_now();

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	watch_look(&w, start_nothing, &n_started);
	assert_int_equal(n_started, 1);
	assert_int_equal(w.error, 0);
	assert_true(w.due_usec >= before + LOOK_MAX_USEC);
	(void)close(fd);
	(void)unlink(path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file_is_looked_at_soon),
		cmocka_unit_test(a_quiet_file_is_looked_at_seldom),
		cmocka_unit_test(a_growing_file_is_looked_at_before_it_is_full),
		cmocka_unit_test(a_fast_one_costs_no_more_than_five_looks_a_second),
		cmocka_unit_test(numbers_of_any_size_are_no_harm),
		cmocka_unit_test(one_that_cannot_be_cut_is_not_tried_all_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
