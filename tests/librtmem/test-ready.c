/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a manager hears, and when a process stands still. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/librtmem/support.h"

static char text[2048];

static void without_a_manager_there_is_nobody_to_tell(void **state) {
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(rtmem_ready("fine"), 0);
	assert_int_equal(rtmem_status("fine"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(rtmem_ready(NULL), 0);
}

static void an_abstract_socket_hears_ready_and_status(void **state) {
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "@rtmem-test-ready-%d", (int)getpid());
	fd = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(rtmem_ready(NULL), 1);
	assert_true(next_message(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "READY=1\n");
	assert_int_equal(rtmem_ready("up and running"), 1);
	assert_true(next_message(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "READY=1\nSTATUS=up and running\n");
	assert_int_equal(rtmem_status("late\nREADY=1"), 1);
	assert_true(next_message(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "STATUS=late READY=1\n");
	close(fd);
}

static void a_socket_in_the_file_system_hears_it_too(void **state) {
	char path[] = "/tmp/rtmem-test-XXXXXX/notify";
	char *slash = strrchr(path, '/');
	int fd;

	*slash = '\0';
	assert_non_null(mkdtemp(path));
	*slash = '/';
	fd = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(rtmem_ready(NULL), 1);
	assert_true(next_message(fd, text, sizeof(text)) > 0);
	close(fd);
	assert_int_equal(rtmem_ready(NULL), -ECONNREFUSED);
	unlink(path);
	assert_int_equal(rtmem_ready(NULL), -ENOENT);
	*slash = '\0';
	rmdir(path);
}

static void a_long_status_is_cut(void **state) {
	char path[64], status[4096];
	int fd;

	snprintf(path, sizeof(path), "@rtmem-test-long-%d", (int)getpid());
	fd = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	memset(status, 'x', sizeof(status) - 1);
	status[sizeof(status) - 1] = '\0';
	assert_int_equal(rtmem_ready(status), 1);
	assert_in_range(next_message(fd, text, sizeof(text)), 900, 1024);
	assert_memory_equal(text, "READY=1\nSTATUS=xxx", 18);
	close(fd);
}

static void a_watchdog_hears_that_it_lives_and_is_never_waited_for(void **state) {
	char path[64];
	int fd, r = 1;

	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(rtmem_alive(), 0);
	snprintf(path, sizeof(path), "@rtmem-test-alive-%d", (int)getpid());
	fd = listen_at(path);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(rtmem_alive(), 1);
	assert_true(next_message(fd, text, sizeof(text)) > 0);
	assert_string_equal(text, "WATCHDOG=1");
	for (int i = 0; i < 100000 && r == 1; i++) /* nobody reads */
		r = rtmem_alive();
	assert_int_equal(r, -EAGAIN);
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

static void an_address_of_another_kind_is_refused(void **state) {
	static const char *const paths[] = { "relative", "vsock:2:1234", "@", "/" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		setenv("NOTIFY_SOCKET", paths[i], 1);
		assert_true(rtmem_ready(NULL) < 0);
	}
	assert_int_equal(rtmem_status(NULL), -EINVAL);
	unsetenv("NOTIFY_SOCKET");
}

/* ---- settle ------------------------------------------------------------------------------------ */

static uint64_t now_msec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_msec(long msec) {
	const struct timespec t = { .tv_nsec = msec * 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

struct busy {
	uint64_t until_msec;
	uint64_t ended_msec;
	char *memory;
};

/* A page now and then, as a middleware's start. */
static void *keep_busy(void *userdata) {
	struct busy *b = userdata;

	for (size_t i = 0; now_msec() < b->until_msec; i++) {
		b->memory[i * 4096] = 1;
		b->ended_msec = now_msec();
		pause_msec(10);
	}
	return NULL;
}

static void a_process_settles_when_the_last_change_is_long_enough_ago(void **state) {
	struct busy b = { .until_msec = now_msec() + 400, .memory = fresh((size_t)4096 * 100) };
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, keep_busy, &b), 0);
	assert_int_equal(rtmem_settle(100000, 20000000), 0);
	assert_true(now_msec() >= b.ended_msec + 100 - 20); /* it may look up to an eighth late */
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void a_process_that_never_settles_is_given_up(void **state) {
	struct busy b = { .until_msec = now_msec() + 600, .memory = fresh((size_t)4096 * 100) };
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, keep_busy, &b), 0);
	assert_int_equal(rtmem_settle(300000, 200000), -ETIMEDOUT);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(rtmem_settle(0, 0), -EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_manager_there_is_nobody_to_tell),
		cmocka_unit_test(an_abstract_socket_hears_ready_and_status),
		cmocka_unit_test(a_socket_in_the_file_system_hears_it_too),
		cmocka_unit_test(a_long_status_is_cut),
		cmocka_unit_test(a_watchdog_hears_that_it_lives_and_is_never_waited_for),
		cmocka_unit_test(an_address_of_another_kind_is_refused),
		cmocka_unit_test(a_process_settles_when_the_last_change_is_long_enough_ago),
		cmocka_unit_test(a_process_that_never_settles_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
