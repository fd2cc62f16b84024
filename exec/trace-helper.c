/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper's life: attach when told, wait for the exec stop, prepare the program, say how it went,
 * leave. It may die at any moment: PTRACE_O_EXITKILL is never set, so that the kernel lets the program
 * go, and what is done inside the program is one snippet that ends by itself (trace-snippet.h).
 */
#include "exec/trace.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/lock-facts.h"
#include "exec/launch.h"

#define EVENT_OF(status) ((unsigned)(status) >> 16)

/* ---- what it says -------------------------------------------------------------------------------------- */

void trace_problem(struct tracer *t, const char *step, int error, const char *format, ...) {
	struct report *r = &t->report;
	va_list ap;

	if (r->step[0]) /* the first one is the cause */
		return;
	snprintf(r->step, sizeof(r->step), "%s", step);
	r->error = error < 0 ? -error : error;
	va_start(ap, format);
	vsnprintf(r->text, sizeof(r->text), format, ap);
	va_end(ap);
}

void trace_problem_diagnosed(struct tracer *t, const char *step, int error, uint64_t needed_bytes) {
	struct lock_facts facts;
	char why[REPORT_TEXT_MAX - 64];

	(void)lock_facts_read(t->pid, &facts);
	facts.d.error = error < 0 ? -error : error;
	facts.d.needed_bytes = needed_bytes;
	facts.d.populates_only = t->what.order.lock == INIT_LOCK_NONE;
	diagnose(&facts.d, why, sizeof(why));
	trace_problem(t, step, error, "%s: %s", strerror(facts.d.error), why);
}

static const char *outcome_of(enum report_kind kind) {
	switch (kind) {
	case REPORT_INIT_FAILED:
		return " not started";
	case REPORT_LOCKED:
		return " is not locked after its start";
	default:
		return " is not fully protected";
	}
}

void trace_report(struct tracer *t, enum report_kind kind) {
	struct report *r = &t->report;

	r->kind = (uint16_t)kind;
	r->pid = t->pid;
	r->injection = REPORT_BY_PTRACE;
	r->init_lock = t->what.order.lock;
	r->init_usec = trace_now_usec() - t->started_usec;
	if (t->report_fd >= 0)
		(void)report_send(t->report_fd, r);
	else if (r->step[0])
		fprintf(stderr, "rtmem: %s%s: %s: %s\n", t->what.program, outcome_of(kind), r->step,
			r->text);
}

/* ---- stops ---------------------------------------------------------------------------------------------- */

bool trace_wait(pid_t tid, int *ret_status) {
	pid_t r;

	do
		r = waitpid(tid, ret_status, __WALL);
	while (r < 0 && errno == EINTR);
	return r == tid && WIFSTOPPED(*ret_status);
}

int trace_signal_of(int status) {
	int sig = WSTOPSIG(status);

	return EVENT_OF(status) == 0 && sig != (SIGTRAP | 0x80) ? sig : 0;
}

/* Until the program is there; signals for rtmem-exec go on to it. */
static bool await_exec(pid_t pid) {
	int status = 0;

	while (trace_wait(pid, &status)) {
		enum __ptrace_request go_on = PTRACE_CONT;

		if (EVENT_OF(status) == PTRACE_EVENT_EXEC)
			return true;
		if (EVENT_OF(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP)
			go_on = PTRACE_LISTEN; /* stopped as by SIGSTOP: stays so */
		if (ptrace(go_on, pid, 0, (long)trace_signal_of(status)) < 0)
			return false;
	}
	return false;
}

/* ---- its life -------------------------------------------------------------------------------------------- */

/* Nothing of the launcher stays open for the helper's sake: pipes end when the program ends. */
static void shed_inheritance(int talk_fd, int report_fd) {
	int kept[] = { talk_fd, report_fd }, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (null >= 0 && (fd != STDERR_FILENO || report_fd >= 0))
			(void)dup2(null, fd);
	close_all_but(kept, ARRAY_LEN(kept));
	(void)setsid(); /* a terminal's signals are for the program */
	if (chdir("/") < 0)
		return; /* then a mount stays busy a little longer */
}

static bool take_order(struct tracer *t, int talk_fd) {
	const pid_t self = getpid();
	ssize_t n;

	if (send(talk_fd, &self, sizeof(self), MSG_NOSIGNAL) < 0)
		return false;
	do
		n = recv(talk_fd, &t->what, sizeof(t->what), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(t->what);
}

void trace_helper(int talk_fd, int report_fd, pid_t pid) {
	struct tracer t = { .pid = pid, .report_fd = report_fd };
	int r = 0;

	(void)prctl(PR_SET_NAME, "rtmem-trace", 0, 0, 0);
	shed_inheritance(talk_fd, report_fd);
	if (!take_order(&t, talk_fd))
		_exit(0);
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD) < 0)
		r = -errno;
	if (send(talk_fd, &r, sizeof(r), MSG_NOSIGNAL) < 0 || r < 0)
		_exit(0);
	talk_fd = close_fd(talk_fd);
	if (await_exec(pid) && trace_prepare(&t) && t.what.order.lock == INIT_LOCK_BALANCED)
		trace_serve(&t);
	_exit(0);
}
