/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter that rtmemd runs under, put on a child process each time, and calls tried there. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "daemon/confine/filter.h"
#include "daemon/confine/hands.h"
#include "daemon/launch/starter.h"

extern char **environ;

#define STATUS_NO_FILTER 77

/* What tell() says under the filter, 0..255; -signal when it was killed. */
static int under_filter(int (*tell)(void)) {
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(filter_install() < 0 ? STATUS_NO_FILTER : tell());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	if (WEXITSTATUS(status) == STATUS_NO_FILTER)
		skip();
	return WEXITSTATUS(status);
}

static int error_of(long result) {
	return result < 0 ? errno : 0;
}

static int no_new_privs(void) {
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static int seccomp_mode(void) {
	char line[64];
	int mode = -1;
	FILE *status = fopen("/proc/thread-self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		(void)sscanf(line, "Seccomp: %d", &mode);
	return mode;
}

static int execute(void) {
	char *const argv[] = { (char *)"true", NULL };

	return error_of(execve("/bin/true", argv, environ));
}

static int do_fork(void) {
	return error_of(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int new_clone(void) {
	return error_of(syscall(SYS_clone3, NULL, 0));
}

static int trace(void) {
	return error_of(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static int do_mount(void) {
	return error_of(mount("none", "/nowhere", "tmpfs", 0, NULL));
}

static int unheard_of(void) {
	return error_of(syscall(9999));
}

static int internet(void) {
	return error_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int local(void) {
	return error_of(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int push_input(void) {
	char c = 'x';

	return error_of(ioctl(0, TIOCSTI, &c));
}

static int waiting_bytes(void) {
	int pair[2], n = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return errno;
	return error_of(ioctl(pair[0], FIONREAD, &n)) ? errno : n;
}

static void *nothing(void *unused) {
	return unused;
}

static int thread(void) {
	pthread_t t;
	int r = pthread_create(&t, NULL, nothing, NULL);

	return r ? r : pthread_join(t, NULL);
}

static void what_only_an_attacker_tries_is_refused(void **state) {
	assert_int_equal(under_filter(execute), EPERM);
	assert_int_equal(under_filter(trace), EPERM);
	assert_int_equal(under_filter(do_mount), EPERM);
}

static void what_the_filter_does_not_know_seems_not_to_exist(void **state) {
	assert_int_equal(under_filter(unheard_of), ENOSYS);
	assert_int_equal(under_filter(new_clone), ENOSYS);
	assert_int_equal(under_filter(do_fork), ENOSYS);
	assert_int_equal(under_filter(internet), ENOSYS);
	assert_int_equal(under_filter(push_input), ENOSYS);
}

static void what_rtmemd_does_is_allowed(void **state) {
	assert_int_equal(under_filter(thread), 0);
	assert_int_equal(under_filter(local), 0);
	assert_int_equal(under_filter(waiting_bytes), 0);
}

static void it_is_a_filter_and_nothing_gains_rights(void **state) {
	assert_int_equal(under_filter(seccomp_mode), 2);
	assert_int_equal(under_filter(no_new_privs), 1);
}

/* The order of rtmemd: what starts programs comes first */
static int spawn_by(struct starter *starter, struct hands *hands) {
	static const char script[] = "grep -q '^Seccomp:.*0' /proc/self/status && "
				     "grep -q '^NoNewPrivs:.*0' /proc/self/status";
	const char *const argv[] = { "sh", "-c", script, NULL };
	int status = 0, r = filter_install();
	pid_t pid;

	if (r == 0)
		r = starter_spawn(starter, hands,
			&(const struct start){
				"/bin/sh", argv, environ, STDERR_FILENO, STDERR_FILENO },
			&pid);
	if (r < 0)
		return -r;
	if (waitpid(pid, &status, 0) != pid)
		return 200;
	starter_free(starter);
	hands_free(hands);
	return WEXITSTATUS(status);
}

static int spawn_by_starter(void) {
	struct starter *starter = NULL;
	int r = starter_new(&starter);

	return r < 0 ? -r : spawn_by(starter, NULL);
}

static int spawn_by_hands(void) {
	struct hands *hands = NULL;
	int r = hands_new("hands", &hands);

	return r < 0 ? -r : spawn_by(NULL, hands);
}

static void expect_no_filter(int (*spawn)(void)) {
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) || seccomp_mode() != 0
				? STATUS_NO_FILTER
				: spawn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) &&
		(WEXITSTATUS(status) == STATUS_NO_FILTER || WEXITSTATUS(status) == ENOTSUP))
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_is_started_is_under_no_filter(void **state) {
	expect_no_filter(spawn_by_starter);
	expect_no_filter(spawn_by_hands);
}

static int add_one(void *userdata) {
	return ++*(int *)userdata;
}

static void hands_answer_each_order_once(void **state) {
	struct hands *h = NULL;
	int n = 0;

	assert_int_equal(hands_new("hands", &h), 0);
	for (int i = 1; i <= 1000; i++)
		assert_int_equal(hands_do(h, add_one, &n), i);
	assert_null(hands_free(h));
	assert_int_equal(hands_do(NULL, add_one, &n), 1001);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_an_attacker_tries_is_refused),
		cmocka_unit_test(what_the_filter_does_not_know_seems_not_to_exist),
		cmocka_unit_test(what_rtmemd_does_is_allowed),
		cmocka_unit_test(it_is_a_filter_and_nothing_gains_rights),
		cmocka_unit_test(what_is_started_is_under_no_filter),
		cmocka_unit_test(hands_answer_each_order_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
