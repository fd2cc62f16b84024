/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Balanced: the lock at ready, from outside. One sleeping thread is stopped in its system call, does one
 * mlockall() more by way of the snippet, and begins its call again. Only a thread in a call that can be
 * begun again is taken: it's in no critical section of restartable sequences, and nobody notices the
 * pause. A signal that comes meanwhile is delivered as if nothing had been done.
 *
 * Never by single steps: a tracer that dies leaves the processor's trap flag behind.
 */
#include "exec/trace.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "exec/trace-snippet.h"

#define ROUNDS_MAX	 64 /* looks at all threads before it gives up */
#define ROUND_PAUSE_MSEC 10
#define STOP_WAIT_SEC	 2 /* a sleeping thread stops at once; one on its way into the kernel soon */

/* ---- one thread ------------------------------------------------------------------------------------------ */

struct visit {
	struct tracer *t;
	pid_t tid;
	struct registers found; /* as the thread was when it stopped */
	struct registers now;
	uint64_t snippet;
	int64_t result; /* of mlockall() */
};

/* State letter of a thread; 0 = it's gone. "pid (name) S ...", and the name may hold anything. */
static char state_of(pid_t pid, pid_t tid) {
	char path[64], line[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (read_line_file(path, line, sizeof(line)) < 0)
		return 0;
	at = strrchr(line, ')');
	return at && at[1] == ' ' ? at[2] : 0;
}

/* A stop of the thread, within a bounded time: the kernel says so by SIGCHLD, which is blocked here. */
static bool wait_briefly(pid_t tid, int *ret_status) {
	const struct timespec limit = { .tv_sec = STOP_WAIT_SEC };
	sigset_t child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t r = waitpid(tid, ret_status, __WALL | WNOHANG);

		if (r != 0)
			return r == tid && WIFSTOPPED(*ret_status);
		if (sigtimedwait(&child, NULL, &limit) < 0 && errno == EAGAIN)
			return false;
	}
}

/* A thread may end, and its number be given to another program's, until it's stopped: then no more. */
static bool is_ours(const struct visit *v) {
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)v->t->pid, (int)v->tid);
	return access(path, F_OK) == 0;
}

/* Attaches and stops it. -EAGAIN: not now; others: not at all. */
static int stop(struct visit *v) {
	int status;

	if (ptrace(PTRACE_SEIZE, v->tid, 0, PTRACE_O_TRACESYSGOOD) < 0)
		return errno == ESRCH ? -EAGAIN : -errno;
	if (ptrace(PTRACE_INTERRUPT, v->tid, 0, 0) < 0 || !wait_briefly(v->tid, &status))
		return -EBUSY;
	while (trace_signal_of(status)) { /* on its way already: goes on */
		if (ptrace(PTRACE_CONT, v->tid, 0, (long)trace_signal_of(status)) < 0 ||
			!wait_briefly(v->tid, &status))
			return -EBUSY;
	}
	return WSTOPSIG(status) == SIGTRAP && is_ours(v) ? 0 : -EAGAIN;
}

static void let_go(struct visit *v, int sig) {
	(void)ptrace(PTRACE_DETACH, v->tid, 0, (long)sig);
}

/* On to the next beginning or end of a system call. False: a signal came in between, or its end. */
static bool run_to_call(struct visit *v) {
	int status;

	if (ptrace(PTRACE_SYSCALL, v->tid, 0, 0) < 0 || !trace_wait(v->tid, &status))
		return false;
	if (WSTOPSIG(status) == (SIGTRAP | 0x80))
		return registers_get(v->tid, &v->now) == 0;
	/* the kernel interrupts the thread's own call for it, or begins it again, as it would have */
	if (registers_set(v->tid, &v->found) == 0)
		let_go(v, trace_signal_of(status));
	return false;
}

/* mlockall() begins and ends; a few instructions more, and the thread's own call begins. */
static int run_snippet(struct visit *v) {
	v->now = v->found;
	registers_start_at(&v->now, v->snippet);
	if (registers_set(v->tid, &v->now) < 0) {
		let_go(v, 0);
		return -EIO;
	}
	for (int edge = 0; edge < 2; edge++)
		if (!run_to_call(v))
			return -EAGAIN;
	v->result = registers_result(&v->now);
	/* here, and not where its own call begins, which the kernel would interrupt for the farewell */
	let_go(v, 0);
	return 0;
}

static int lock_from(struct visit *v) {
	struct snippet_data list = { 0 };
	int r = stop(v);

	if (r == 0)
		r = registers_get(v->tid, &v->found);
	if (r == 0)
		r = registers_save_call(&v->found, &list);
	if (r == 0) {
		(void)snippet_add(&list, false, SYS_mlockall, MCL_CURRENT, 0, 0, 0);
		r = snippet_write(v->t->pid, v->tid, &list, v->t->snippet, &v->snippet);
	}
	if (r < 0) {
		let_go(v, 0);
		return r;
	}
	v->t->snippet = v->snippet;
	v->t->late_tid = v->tid;
	return run_snippet(v);
}

/* ---- all threads, until one will do ------------------------------------------------------------------------ */

/* -EAGAIN: none of them will do now. */
static int try_threads(struct tracer *t, int64_t *ret_result) {
	_cleanup_closedir_ DIR *d = NULL;
	struct dirent *e;
	char path[64];
	int r = -EAGAIN;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)t->pid);
	d = opendir(path);
	if (!d)
		return -ESRCH;
	while (r == -EAGAIN && (e = readdir(d))) {
		struct visit v = { .t = t, .tid = atoi(e->d_name) };

		if (v.tid <= 0 || state_of(t->pid, v.tid) != 'S')
			continue;
		r = lock_from(&v);
		*ret_result = v.result;
	}
	return r;
}

/* A filter that the program has put on since may end it for a call that it never makes itself. */
static bool has_new_filter(const struct tracer *t) {
	struct trace_status s;

	return trace_status_read(t->pid, &s) == 0 &&
		(s.seccomp != t->seccomp || s.seccomp_filters > t->seccomp_filters);
}

/* The last visit's thread: asleep it's in a call of its own, since mlockall() was seen to end. */
static bool has_left_snippet(const struct tracer *t) {
	char state = t->late_tid ? state_of(t->pid, t->late_tid) : 0;

	return state == 0 || strchr("SDZX", state);
}

static int lock_once(struct tracer *t, int64_t *ret_result) {
	const struct timespec pause = { .tv_nsec = ROUND_PAUSE_MSEC * 1000000L };
	int r = -EAGAIN;

	if (has_new_filter(t))
		return -EACCES;
	for (int i = 0; i < ROUNDS_MAX && r == -EAGAIN; i++) {
		if (i > 0)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		if (has_left_snippet(t))
			r = try_threads(t, ret_result);
	}
	return r;
}

static const char *failure_text(int error) {
	switch (error) {
	case -EACCES:
		return "the program has put a seccomp filter on itself, under which one call more may "
		       "end it: say lock: strict or onfault";
	case -EAGAIN:
		return "no thread was found waiting in a system call that can be begun again: say "
		       "lock: strict or onfault";
	default:
		return strerror(-error);
	}
}

static int lock_late(struct tracer *t) {
	struct trace_status s;
	int64_t result = 0;
	uint64_t needed;
	int r;

	report_init(&t->report, REPORT_LOCKED);
	(void)trace_status_read(t->pid, &s);
	needed = s.size_bytes - s.locked_bytes;
	t->started_usec = trace_now_usec();
	r = lock_once(t, &result);
	if (r == -ESRCH)
		return r;
	if (r < 0)
		trace_problem(
			t, "ptrace", r, "the lock at ready can't be done: %s", failure_text(r));
	else if (result < 0)
		trace_problem_diagnosed(t, "mlockall", (int)result, needed);
	if (trace_status_read(t->pid, &s) == 0) {
		t->report.locked_bytes = s.locked_bytes;
		t->report.size_bytes = s.size_bytes;
		t->report.unlocked_bytes = s.size_bytes - s.locked_bytes;
	}
	trace_report(t, REPORT_LOCKED);
	return r == -EBUSY ? r : 0;
}

/* ---- when ------------------------------------------------------------------------------------------------- */

/* False once the program is gone. */
static bool pause_beside(int pidfd, uint64_t usec) {
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	const struct timespec limit = { (time_t)(usec / 1000000u), (long)(usec % 1000000u) * 1000 };

	return ppoll(&p, 1, &limit, NULL) <= 0;
}

static bool await_settled(const struct tracer *t, int pidfd) {
	struct trace_status before = { 0 }, now = { 0 };
	uint64_t faults_before, faults = 0;

	do {
		before = now;
		faults_before = faults;
		if (!pause_beside(pidfd, t->what.order.settle_usec) ||
			trace_status_read(t->pid, &now) < 0)
			return false;
		faults = trace_minor_faults(t->pid);
	} while (before.size_bytes != now.size_bytes || before.n_threads != now.n_threads ||
		faults_before != faults);
	return true;
}

/* Until the daemon or the program is gone. */
static void serve_daemon(struct tracer *t, int pidfd) {
	struct pollfd p[] = {
		{ .fd = t->report_fd, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	for (;;) {
		char message = 0;
		ssize_t n;

		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			return;
		n = recv(t->report_fd, &message, 1, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (n == 1 && message == HANDOFF_LOCK && lock_late(t) < 0)
			return;
	}
}

void trace_serve(struct tracer *t) {
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	sigset_t child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	if (pidfd < 0) /* it's gone already; kernels before 5.3 are too old for rtmem */
		return;
	if (t->report_fd >= 0)
		serve_daemon(t, pidfd);
	else if (t->what.order.settle_usec && await_settled(t, pidfd))
		(void)lock_late(t);
}
