/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "host/facts.h"
#include "libpolicy/set.h"

#define PLAN_FD	  4 /* numbers in the child */
#define REPORT_FD 3

uint64_t now_nsec(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t n) {
	qsort(values, n, sizeof(*values), compare);
	return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int plan_from_policy(const char *text, const char *name) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_facts_free_ struct facts *facts = calloc(1, sizeof(*facts));
	_cleanup_plan_ struct plan plan = { 0 };
	struct diagnostics diagnostics = { 0 };
	struct launch_problem problem = { 0 };

	if (!facts)
		return -ENOMEM;
	int r = policy_set_parse("bench", text, strlen(text), &set, &diagnostics);
	diagnostics_print(&diagnostics, stderr, false);
	diagnostics_done(&diagnostics);
	if (r < 0)
		return r;
	const struct process_policy *p = policy_set_find(set, name);
	if (!p)
		return -ENOENT;
	r = facts_gather(p, facts, &problem);
	if (r >= 0) {
		facts->launch.report_fd = REPORT_FD;
		r = launch_plan(p, &facts->launch, &plan, &problem);
	}
	if (r < 0) {
		fprintf(stderr, "bench: %s: %s\n", problem.key ? problem.key : name, problem.text);
		return r;
	}
	return handoff_write(&plan);
}

static int spawn_helper(const char *helper, int plan_fd, int report_fd, pid_t *ret_pid) {
	char words[][12] = { "rtmem-exec", "--plan-fd", "4", "--report-fd", "3" };
	char *arguments[] = { words[0], words[1], words[2], words[3], words[4], NULL };
	char *environment[] = { NULL };
	posix_spawn_file_actions_t actions;

	int r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, plan_fd, PLAN_FD);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, report_fd, REPORT_FD);
	if (!r)
		r = posix_spawn(ret_pid, helper, &actions, NULL, arguments, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Until the socket closes; what matters most is libinit's report. */
static int receive_reports(int fd, struct report *ret) {
	char buffer[sizeof(struct report) + 1];
	struct report r;

	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno != ECONNRESET ? -errno : 0;
		if (report_check(buffer, (size_t)n, &r) < 0)
			return -EBADMSG;
		if (r.kind == REPORT_EXEC_FAILED || r.kind == REPORT_INIT_FAILED)
			fprintf(stderr, "bench: %s: %s\n", r.step, r.text);
		if (r.kind != REPORT_EXEC_NOTE)
			*ret = r;
	}
}

int launch_and_wait(const char *helper, int plan_fd, struct report *ret) {
	int pair[2] = { -1, -1 }, status;
	pid_t pid = -1;

	*ret = (struct report){ 0 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	_cleanup_close_ int ours = pair[0];
	int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10); /* out of the way of 3 and 4 */
	(void)close(pair[1]);
	if (theirs < 0)
		return -errno;
	int r = spawn_helper(helper, plan_fd, theirs, &pid);
	(void)close(theirs);
	if (r < 0)
		return r;
	if (send(ours, &(char){ HANDOFF_GO }, 1, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r >= 0)
		r = receive_reports(ours, ret);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}
