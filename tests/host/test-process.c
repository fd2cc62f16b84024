/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/process.h"

static const char status_text[] = "Name:\tVmSize: 9 kB\n"
				  "State:\tS (sleeping)\n"
				  "Groups:\t0 1 2\n"
				  "VmPeak:\t  999 kB\n"
				  "VmSize:\t  2912 kB\n"
				  "VmLck:\t  2880 kB\n"
				  "VmRSS:\t  1784 kB\n"
				  "VmSwap:\t     4 kB\n"
				  "HugetlbPages:\t  2048 kB\n"
				  "THP_enabled:\t0\n"
				  "Threads:\t3\n"
				  "CapEff:\t0000000000804000\n"
				  "Seccomp:\t2\n";

static void status_fields_are_read_in_bytes(void **state) {
	struct process_memory m;

	assert_int_equal(process_memory_parse(status_text, &m), 0);
	assert_string_equal(m.name, "VmSize: 9 kB");
	assert_int_equal(m.size_bytes, 2912 * 1024);
	assert_int_equal(m.locked_bytes, 2880 * 1024);
	assert_int_equal(m.rss_bytes, 1784 * 1024);
	assert_int_equal(m.swap_bytes, 4 * 1024);
	assert_int_equal(m.hugetlb_bytes, 2048 * 1024);
	assert_int_equal(m.n_threads, 3);
	assert_false(m.thp_enabled);
	assert_int_equal(m.seccomp, 2);
	assert_int_equal(m.capabilities_effective, 0x804000);
}

static void thp_counts_as_enabled_when_the_kernel_is_silent(void **state) {
	struct process_memory m;

	assert_int_equal(process_memory_parse("VmSize:\t4 kB\n", &m), 0);
	assert_true(m.thp_enabled);
}

static void status_without_memory_is_a_bad_message(void **state) {
	struct process_memory m;

	assert_int_equal(process_memory_parse("Name:\tzombie\nThreads:\t1\n", &m), -EBADMSG);
	assert_int_equal(process_memory_parse("", &m), -EBADMSG);
	assert_int_equal(process_memory_parse("VmSize", &m), -EBADMSG);
	assert_int_equal(process_memory_parse("\n:\n::\n", &m), -EBADMSG);
}

static void own_status_is_read(void **state) {
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct process_memory m;

	assert_true(fd >= 0);
	assert_int_equal(process_memory_read(fd, &m), 0);
	assert_true(m.rss_bytes > 0 && m.size_bytes >= m.rss_bytes);
	/* the same descriptor serves again */
	assert_int_equal(process_memory_read(fd, &m), 0);
	close(fd);
}

static void sizes_are_the_first_words_of_statm(void **state) {
	struct process_size size;

	assert_int_equal(process_size_parse("728 446 407 10 0 120 0\n", &size), 0);
	assert_int_equal(size.size_pages, 728);
	assert_int_equal(size.resident_pages, 446);
	assert_int_equal(size.shared_pages, 407);
	assert_int_equal(process_size_parse("728 446\n", &size), -EBADMSG);
	assert_int_equal(process_size_parse("", &size), -EBADMSG);
}

static void *wait_for_end(void *fd) {
	char byte;

	(void)!read(*(const int *)fd, &byte, 1);
	return NULL;
}

static void threads_are_counted(void **state) {
	int before = process_count_threads(getpid()), ends[2];
	pthread_t thread;

	assert_true(before >= 1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
	assert_int_equal(process_count_threads(getpid()), before + 1);
	close(ends[1]);
	pthread_join(thread, NULL);
	close(ends[0]);
}

static void status_of_a_process_that_is_gone_is_no_such_process(void **state) {
	char path[64];
	struct process_memory m;
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_memory_read(fd, &m), -ESRCH);
	close(fd);
}

#define STAT_TAIL " S 1 2 3 0 -1 4194560 101 0 7 0 5 6 0 0 20 0 3 0 4711 99 100\n"

static void stat_is_cut_at_the_last_parenthesis(void **state) {
	static const char *const texts[] = {
		"12 (sh)" STAT_TAIL,
		"12 (a) b (c)" STAT_TAIL,
		"12 ()) R 0 0 0 0 0 0 0 9 9 9 9)" STAT_TAIL,
		"12 (two\nlines)" STAT_TAIL,
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fault_count faults;
		uint64_t start;

		assert_int_equal(process_stat_parse(texts[i], &faults, &start), 0);
		assert_int_equal(faults.minor, 101);
		assert_int_equal(faults.major, 7);
		assert_int_equal(start, 4711);
	}
}

static void short_stat_is_a_bad_message(void **state) {
	struct fault_count faults;

	assert_int_equal(process_stat_parse("", &faults, NULL), -EBADMSG);
	assert_int_equal(process_stat_parse("12 (sh", &faults, NULL), -EBADMSG);
	assert_int_equal(process_stat_parse("12 (sh)", &faults, NULL), -EBADMSG);
	assert_int_equal(process_stat_parse("12 (sh) S 1 2 3\n", &faults, NULL), -EBADMSG);
}

static void own_stat_is_read_also_under_an_evil_name(void **state) {
	struct fault_count faults;
	uint64_t start, again;

	assert_int_equal(prctl(PR_SET_NAME, "a) b (c"), 0);
	assert_int_equal(process_stat_read(getpid(), 0, &faults, &start), 0);
	assert_true(faults.minor > 0 && start > 0);
	assert_int_equal(process_stat_read(getpid(), gettid(), &faults, &again), 0);
	assert_int_equal(start, again);
	assert_int_equal(process_stat_read(0x7ffffff0, 0, &faults, NULL), -ESRCH);
}

static void limits_are_those_of_getrlimit(void **state) {
	struct rlimit limits[RLIM_NLIMITS];

	assert_int_equal(process_limits_read(getpid(), limits), 0);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit own;

		assert_int_equal(getrlimit((__rlimit_resource_t)i, &own), 0);
		assert_int_equal(limits[i].rlim_cur, own.rlim_cur);
		assert_int_equal(limits[i].rlim_max, own.rlim_max);
	}
	assert_int_equal(process_limits_read(0x7ffffff0, limits), -ESRCH);
}

struct seen {
	pid_t tid;
	char name[64];
	int n;
};

static int see(pid_t tid, const char *name, void *userdata) {
	struct seen *s = userdata;

	s->n++;
	if (tid == s->tid)
		snprintf(s->name, sizeof(s->name), "%s", name);
	return 0;
}

static int stop_at_first(pid_t tid, const char *name, void *userdata) {
	return 42;
}

struct worker {
	pthread_barrier_t named;
	pthread_barrier_t end;
	pid_t tid;
};

static void *work(void *data) {
	struct worker *w = data;

	w->tid = gettid();
	pthread_setname_np(pthread_self(), "worker) (x");
	pthread_barrier_wait(&w->named);
	pthread_barrier_wait(&w->end);
	return NULL;
}

static void threads_are_visited_with_their_names(void **state) {
	struct seen seen = { 0 };
	struct worker worker;
	pthread_t thread;

	pthread_barrier_init(&worker.named, NULL, 2);
	pthread_barrier_init(&worker.end, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, work, &worker), 0);
	pthread_barrier_wait(&worker.named);
	seen.tid = worker.tid;
	assert_int_equal(process_threads(getpid(), see, &seen), 0);
	assert_int_equal(process_threads(getpid(), stop_at_first, NULL), 42);
	pthread_barrier_wait(&worker.end);
	pthread_join(thread, NULL);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.name, "worker) (x");
	assert_int_equal(process_threads(0x7ffffff0, see, &seen), -ESRCH);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_fields_are_read_in_bytes),
		cmocka_unit_test(thp_counts_as_enabled_when_the_kernel_is_silent),
		cmocka_unit_test(status_without_memory_is_a_bad_message),
		cmocka_unit_test(own_status_is_read),
		cmocka_unit_test(sizes_are_the_first_words_of_statm),
		cmocka_unit_test(threads_are_counted),
		cmocka_unit_test(status_of_a_process_that_is_gone_is_no_such_process),
		cmocka_unit_test(stat_is_cut_at_the_last_parenthesis),
		cmocka_unit_test(short_stat_is_a_bad_message),
		cmocka_unit_test(own_stat_is_read_also_under_an_evil_name),
		cmocka_unit_test(limits_are_those_of_getrlimit),
		cmocka_unit_test(threads_are_visited_with_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
