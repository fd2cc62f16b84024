/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmem-exec's side of the tracer. The helper is forked early, because attaching may take rights that
 * the steps behind give up, and because a setuid program keeps its rights only under a tracer that
 * could have them itself. It attaches late, just before execve(), so that no signal waits for it
 * meanwhile. Forked twice: the program has no child that it doesn't know of.
 */
#include "exec/trace.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io.h"
#include "exec/launch.h"

static ssize_t receive(int fd, void *buf, size_t size) {
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* The first of two forks, which ends at once: its child belongs to init. */
static void __attribute__((noreturn)) fork_helper(int talk_fd, int report_fd, pid_t program) {
	pid_t pid = fork();

	if (pid == 0)
		trace_helper(talk_fd, report_fd, program);
	_exit(pid < 0);
}

static int start_helper(int talk_fd, int report_fd) {
	pid_t self = getpid(), pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		fork_helper(talk_fd, report_fd, self);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) /* ECHILD: who ignores SIGCHLD isn't told how a child ended */
			return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

int step_trace(struct launch *l, const struct step *s) {
	_cleanup_close_ int theirs = -1;
	pid_t helper = 0;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	l->trace_fd = pair[0];
	theirs = pair[1];
	r = start_helper(theirs, l->report_fd);
	theirs = close_fd(theirs);
	if (r == 0 && receive(l->trace_fd, &helper, sizeof(helper)) != sizeof(helper))
		r = -ECHILD;
	if (r < 0) {
		snprintf(l->why, sizeof(l->why),
			"the process that prepares the program by ptrace couldn't be started (raise "
			"limits.nproc?)");
		return r;
	}
	/* the Yama module lets a process be traced by whom it names; without the module: EINVAL */
	(void)prctl(PR_SET_PTRACER, (unsigned long)helper, 0, 0, 0);
	return 0;
}

static bool has_filter(void) {
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2;
}

static void explain(struct launch *l, int error) {
	char scope[16];

	if (error == -ENOSYS)
		snprintf(l->why, sizeof(l->why), "this kernel is built without ptrace");
	else if (error != -EPERM)
		return;
	else if (read_line_file("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) == 0 &&
		scope[0] >= '2')
		snprintf(l->why, sizeof(l->why), "kernel.yama.ptrace_scope is %s%s", scope,
			scope[0] == '2' ? ": start the launcher with CAP_SYS_PTRACE, or set it to 1"
					: ", under which nobody may trace until the next boot");
	else if (has_filter())
		snprintf(l->why, sizeof(l->why),
			"a seccomp filter may forbid it (Seccomp: 2 in /proc/self/status): let ptrace "
			"through (SystemCallFilter=@debug in a systemd unit, the seccomp profile of a "
			"container)");
	else
		snprintf(l->why, sizeof(l->why),
			"the launcher lacks the right to trace this program: it needs "
			"CAP_SYS_PTRACE (--cap-add SYS_PTRACE in a container), or the program's own "
			"user");
}

int trace_attach(struct launch *l, const struct trace_order *o) {
	int r = -ECHILD;

	if (send(l->trace_fd, o, sizeof(*o), MSG_NOSIGNAL) != (ssize_t)sizeof(*o) ||
		receive(l->trace_fd, &r, sizeof(r)) != sizeof(r))
		r = -ECHILD;
	if (r == -ECHILD)
		snprintf(l->why, sizeof(l->why), "the process that prepares it was killed");
	else
		explain(l, r);
	return r;
}
