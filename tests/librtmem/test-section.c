/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Faults of a thread and of its sections, counted by the kernel, and told to a daemon played here. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "tests/librtmem/support.h"

#define N_PAGES 16
#define LEN	((size_t)N_PAGES * 4096)

static int daemon_fd;
static char socket_path[64];

static int set_up(void **state) {
	snprintf(socket_path, sizeof(socket_path), "@rtmem-test-section-%d", (int)getpid());
	daemon_fd = listen_at(socket_path);
	return setenv(RTMEM_ENV_SOCKET, socket_path, 1) == 0 ? rtmem_prepare() : -1;
}

static void drop_messages(void) {
	char text[512];

	while (next_message(daemon_fd, text, sizeof(text)) >= 0)
		continue;
}

struct awaited {
	const char *section;
	char text[512];
};

/* Sections that follow tell what was too much before. Skips what comes of others. */
static bool is_told(void *userdata) {
	struct awaited *w = userdata;
	const size_t key = strlen("X_RTMEM_SECTION=");
	struct rtmem_section s;

	rtmem_section_begin(&s, "nothing");
	rtmem_section_end(&s);
	while (next_message(daemon_fd, w->text, sizeof(w->text)) >= 0)
		if (strncmp(w->text + key, w->section, strlen(w->section)) == 0)
			return true;
	return false;
}

static void a_section_without_faults_says_nothing(void **state) {
	struct rtmem_section s;
	char text[512];

	drop_messages();
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(rtmem_section_begin(&s, "quiet"), 0);
		assert_int_equal(rtmem_section_end(&s), 0);
	}
	assert_int_equal(s.faults.minor + s.faults.major, 0);
	assert_true(next_message(daemon_fd, text, sizeof(text)) < 0);
}

static void faults_in_a_section_are_counted_and_told(void **state) {
	struct awaited w = { .section = "touch" };
	char wanted[256], *p = fresh(LEN);
	struct rtmem_section s;

	rtmem_section_begin(&s, "touch\nREADY=1");
	touch(p, LEN);
	assert_int_equal(rtmem_section_end(&s), 1);
	assert_int_equal(s.faults.minor, N_PAGES);
	assert_int_equal(s.faults.major, 0);
	assert_true(wait_until(is_told, &w));
	snprintf(wanted, sizeof(wanted),
		"X_RTMEM_SECTION=touch READY=1\nX_RTMEM_MINOR=%d\nX_RTMEM_MAJOR=0\nX_RTMEM_TID=%d\n",
		N_PAGES, (int)syscall(SYS_gettid));
	assert_string_equal(w.text, wanted);
	munmap(p, LEN);
}

static void faults_outside_of_a_section_are_not_its_own(void **state) {
	char *p = fresh(LEN);
	struct rtmem_section s;

	touch(p, LEN);
	rtmem_section_begin(&s, "inside");
	assert_int_equal(rtmem_section_end(&s), 0);
	munmap(p, LEN);
}

static void nested_sections_each_count_their_own(void **state) {
	char *p = fresh(LEN);
	struct rtmem_section outer, inner;

	rtmem_section_begin(&outer, "outer");
	touch(p, LEN / 2);
	rtmem_section_begin(&inner, "inner");
	touch(p + LEN / 2, LEN / 2);
	assert_int_equal(rtmem_section_end(&inner), 1);
	assert_int_equal(rtmem_section_end(&outer), 1);
	assert_int_equal(inner.faults.minor, N_PAGES / 2);
	assert_true(outer.faults.minor >= N_PAGES);
	munmap(p, LEN);
}

static int leave_early(char *p) {
	RTMEM_SECTION("early");

	touch(p, LEN);
	if (p)
		return 1;
	return 0;
}

static void the_macro_ends_its_section_however_it_is_left(void **state) {
	struct awaited w = { .section = "early" };
	char *p = fresh(LEN);

	leave_early(p);
	assert_true(wait_until(is_told, &w));
	assert_non_null(strstr(w.text, "X_RTMEM_SECTION=early\nX_RTMEM_MINOR=16\n"));
	munmap(p, LEN);
}

struct storm {
	struct awaited awaited;
	uint64_t n_told;
	unsigned n_messages;
};

static bool all_is_told(void *userdata) {
	static const char key[] = "X_RTMEM_SECTION=storm\nX_RTMEM_MINOR=";
	struct storm *storm = userdata;

	if (is_told(&storm->awaited)) {
		storm->n_told += strtoull(storm->awaited.text + strlen(key), NULL, 10);
		storm->n_messages++;
	}
	return storm->n_told >= 200;
}

static void a_storm_is_told_in_few_words_and_whole(void **state) {
	struct storm storm = { .awaited.section = "storm" };
	char *p = fresh((size_t)200 * 4096);

	for (size_t i = 0; i < 200; i++) {
		struct rtmem_section s;

		rtmem_section_begin(&s, "storm");
		touch(p + i * 4096, 4096);
		assert_int_equal(rtmem_section_end(&s), 1);
	}
	assert_true(wait_until(all_is_told, &storm));
	assert_int_equal(storm.n_told, 200);
	assert_in_range(storm.n_messages, 1, 50);
	munmap(p, (size_t)200 * 4096);
}

static void a_daemon_that_doesnt_read_stops_nobody(void **state) {
	char *p = fresh((size_t)4096 * 5000);
	struct timespec start, end;

	drop_messages();
	clock_gettime(CLOCK_MONOTONIC, &start);
	/* another name each time: each would be a message, and the queue takes a few hundred at most */
	for (size_t i = 0; i < 5000; i++) {
		struct rtmem_section s;

		rtmem_section_begin(&s, i % 2 ? "odd" : "even");
		touch(p + i * 4096, 4096);
		assert_int_equal(rtmem_section_end(&s), 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 5);
	drop_messages();
	munmap(p, (size_t)4096 * 5000);
}

static void *thread_faults(void *userdata) {
	struct rtmem_fault_count *ret = userdata;
	char *p = fresh(LEN);

	rtmem_faults(&ret[0]);
	touch(p, LEN);
	rtmem_faults(&ret[1]);
	munmap(p, LEN);
	return NULL;
}

static void each_thread_counts_its_own(void **state) {
	struct rtmem_fault_count other[2], before, after;
	struct rtmem_thread *t;

	assert_true(rtmem_thread_create(&t, NULL, thread_faults, other) >= 0);
	rtmem_faults(&before);
	rtmem_thread_join(t, NULL);
	rtmem_faults(&after);
	assert_int_equal(other[1].minor - other[0].minor, N_PAGES);
	assert_true(after.minor - before.minor < N_PAGES);
}

struct two_phases {
	struct rtmem_fault_count before, after;
	pthread_barrier_t barrier;
};

static void *count_around_ready(void *userdata) {
	struct two_phases *two = userdata;
	char *p = fresh(LEN);

	rtmem_prepare();
	touch(p, LEN);
	rtmem_faults(&two->before);
	pthread_barrier_wait(&two->barrier);
	pthread_barrier_wait(&two->barrier); /* in between the process became ready */
	rtmem_faults(&two->after);
	munmap(p, LEN);
	return NULL;
}

static void ready_starts_the_counts_of_all_threads_over(void **state) {
	struct two_phases two;
	pthread_t t;

	assert_int_equal(pthread_barrier_init(&two.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&t, NULL, count_around_ready, &two), 0);
	pthread_barrier_wait(&two.barrier);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(rtmem_ready(NULL), 0);
	pthread_barrier_wait(&two.barrier);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(two.before.minor >= N_PAGES);
	assert_true(two.after.minor < N_PAGES);
	pthread_barrier_destroy(&two.barrier);
}

static void a_forked_child_counts_its_own(void **state) {
	char *p = fresh(LEN);
	pid_t child;
	int status;

	rtmem_prepare();
	child = fork();
	if (child == 0) {
		struct rtmem_section s;

		rtmem_prepare();
		rtmem_section_begin(&s, "child");
		touch(p, LEN);
		_exit(rtmem_section_end(&s) == 1 && s.faults.minor == N_PAGES ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	drop_messages();
	munmap(p, LEN);
}

/* perf_event_open() refused, as in most containers: by a limit on descriptors */
static void without_counters_of_the_kernel_usage_is_counted(void **state) {
	char *p = fresh(LEN);
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rtmem_section s;
		const struct rlimit none = { 0, 0 };

		if (setrlimit(RLIMIT_NOFILE, &none) < 0)
			_exit(2);
		rtmem_section_begin(&s, "poor");
		touch(p, LEN);
		_exit(rtmem_section_end(&s) == 1 && s.faults.source == RTMEM_FAULTS_USAGE &&
					s.faults.minor >= N_PAGES
				? 0
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	munmap(p, LEN);
}

static int count_touched(size_t n_pages) {
	char *p = fresh(n_pages * 4096);
	struct rtmem_section s;
	bool seen;

	rtmem_section_begin(&s, "closed");
	touch(p, n_pages * 4096);
	seen = rtmem_section_end(&s) == 1 && s.faults.minor >= n_pages &&
		s.faults.minor < 4 * n_pages;
	munmap(p, n_pages * 4096);
	return seen;
}

/* As daemons do at their start. The first section after it may miss what it saw. */
static void a_program_that_closes_all_descriptors_is_counted_on(void **state) {
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rtmem_fault_count c;

		if (!count_touched(N_PAGES))
			_exit(1);
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		(void)count_touched(N_PAGES);
		if (!count_touched(N_PAGES))
			_exit(2);
		_exit(rtmem_faults(&c) == 0 && c.source == RTMEM_FAULTS_USAGE &&
					c.minor >= (uint64_t)2 * N_PAGES && c.minor < 1000
				? 0
				: 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- under a lock of all memory ---------------------------------------------------------------- */

static void *sections_of_locked(void *userdata) {
	struct rtmem_section s;

	rtmem_section_begin(&s, "locked");
	return (void *)(intptr_t)rtmem_section_end(&s); /* NOLINT: a number */
}

static void counters_leave_no_memory_unlocked(void **state) {
	pid_t child = fork();
	int status;

	if (child == 0) {
		size_t before, after;
		struct rtmem_thread *t;
		void *value = NULL;

		if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
			_exit(77);
		before = status_bytes("VmSize") - status_bytes("VmLck");
		rtmem_prepare();
		if (rtmem_thread_create(&t, NULL, sections_of_locked, NULL) < 0 ||
			sections_of_locked(NULL) != NULL)
			_exit(1);
		rtmem_thread_join(t, &value);
		after = status_bytes("VmSize") - status_bytes("VmLck");
		_exit(value == NULL && after == before ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_without_faults_says_nothing),
		cmocka_unit_test(faults_in_a_section_are_counted_and_told),
		cmocka_unit_test(faults_outside_of_a_section_are_not_its_own),
		cmocka_unit_test(nested_sections_each_count_their_own),
		cmocka_unit_test(the_macro_ends_its_section_however_it_is_left),
		cmocka_unit_test(a_storm_is_told_in_few_words_and_whole),
		cmocka_unit_test(a_daemon_that_doesnt_read_stops_nobody),
		cmocka_unit_test(each_thread_counts_its_own),
		cmocka_unit_test(ready_starts_the_counts_of_all_threads_over),
		cmocka_unit_test(a_forked_child_counts_its_own),
		cmocka_unit_test(without_counters_of_the_kernel_usage_is_counted),
		cmocka_unit_test(a_program_that_closes_all_descriptors_is_counted_on),
		cmocka_unit_test(counters_leave_no_memory_unlocked),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
