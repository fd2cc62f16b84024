/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The exec stop: the new image is mapped, its first instruction hasn't run, one thread, all registers
 * known. The snippet's list is made here from the order; while it runs, the tracer reads what each call
 * gave back. Where `strict` can't be kept, the snippet itself ends the program.
 */
#include "exec/trace.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/lock-facts.h"
#include "common/units.h"
#include "exec/trace-snippet.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* vdso and vvar, which the kernel never locks */
#define NEVER_LOCKED_BYTES (128u << 10)
#define VVAR_PAGES_MAX	   8
/* no such way to change a signal mask: the kernel reads its argument first, then says so */
#define SIGMASK_NOWHERE 99
#define SIGMASK_BYTES	8

struct preparation {
	struct snippet_data list;
	const char
		*name[SNIPPET_CALLS_MAX]; /* of the step that a call belongs to; NULL = may fail */
};

static size_t page_bytes(void) {
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- the list ---------------------------------------------------------------------------------------------- */

static void add(struct preparation *p, const char *name, bool vital, long number, uint64_t a,
	uint64_t b, uint64_t c) {
	unsigned n = snippet_n_calls(&p->list);

	if (snippet_add(&p->list, vital && name, number, a, b, c, 0))
		p->name[n] = name;
}

/* The kernel grows a stack when it has something to write there itself, too, and gives back an error
 * where a store of the program's would end in SIGSEGV. The lock populates what was grown. */
static void add_stack(struct preparation *p, struct tracer *t, uint64_t sp, bool vital) {
	const struct init_order *o = &t->what.order;
	uint64_t page = page_bytes();

	if (!o->main_stack_bytes || o->main_stack_bytes >= sp)
		return;
	t->stack_low = (sp - o->main_stack_bytes) & ~(page - 1);
	add(p, "main-stack", vital, SYS_uname, t->stack_low, 0, 0);
	if (o->lock == INIT_LOCK_NONE)
		add(p, NULL, false, SYS_madvise, t->stack_low, (sp & ~(page - 1)) - t->stack_low,
			MADV_POPULATE_WRITE);
}

static void add_lock(struct preparation *p, enum init_lock lock, bool vital) {
	if (lock == INIT_LOCK_STRICT)
		add(p, "mlockall", vital, SYS_mlockall, MCL_CURRENT | MCL_FUTURE, 0, 0);
	if (lock == INIT_LOCK_BALANCED || lock == INIT_LOCK_ONFAULT)
		add(p, "mlockall", vital, SYS_mlockall, MCL_CURRENT, 0, 0);
	if (lock == INIT_LOCK_ONFAULT)
		add(p, "mlockall", vital, SYS_mlockall, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, 0,
			0);
}

/* Clocks are read without a system call from pages that no lock covers and the first use maps: here the
 * kernel reads them on the program's behalf. */
static void add_clock_pages(struct preparation *p, pid_t pid) {
	static const char *const names[] = { "[vvar]", "[vvar_vclock]" };
	uint64_t start, end;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!trace_mapping(pid, names[i], &start, &end))
			continue;
		for (uint64_t n = 0; n < VVAR_PAGES_MAX && start < end; n++, start += page_bytes())
			(void)snippet_add(&p->list, false, SYS_rt_sigprocmask, SIGMASK_NOWHERE,
				start, 0, SIGMASK_BYTES);
	}
}

static void make_list(struct preparation *p, struct tracer *t, uint64_t sp) {
	const struct init_order *o = &t->what.order;
	bool vital = o->lock == INIT_LOCK_STRICT;

	if (o->non_dumpable)
		add(p, "dumpable", vital, SYS_prctl, PR_SET_DUMPABLE, 0, 0);
	add_stack(p, t, sp, vital);
	add_lock(p, o->lock, vital);
	add_clock_pages(p, t->pid);
}

/* ---- while it runs ------------------------------------------------------------------------------------------ */

static void judge_call(struct tracer *t, const char *name, int64_t result) {
	struct trace_status s = { 0 };
	char wanted[UNITS_TEXT_MAX];

	if (result >= 0 || !name)
		return;
	if (strcmp(name, "main-stack") == 0) {
		trace_problem(t, name, (int)-result,
			"the main stack can't grow by %s: raise limits.stack in the policy, or lower "
			"memory.stack.main",
			format_size(t->what.order.main_stack_bytes, wanted));
		return;
	}
	(void)trace_status_read(t->pid, &s);
	trace_problem_diagnosed(t, name, (int)result, s.size_bytes - s.locked_bytes);
}

/* One system call: a stop where it begins, one where it ends. Signals meanwhile are delivered: a fresh
 * program has no handlers, so that they end it or do nothing. False once the program is gone. */
static bool run_one(struct tracer *t, struct registers *regs, int64_t *ret_result) {
	int status, stops = 0, sig = 0;

	while (stops < 2) {
		if (ptrace(PTRACE_SYSCALL, t->pid, 0, (long)sig) < 0 ||
			!trace_wait(t->pid, &status))
			return false;
		sig = trace_signal_of(status);
		stops += WSTOPSIG(status) == (SIGTRAP | 0x80);
	}
	if (registers_get(t->pid, regs) < 0)
		return false;
	*ret_result = registers_result(regs);
	return true;
}

/* execve() itself is a call that hasn't ended at the exec stop. */
static bool leave_execve(pid_t pid) {
	int status;

	do {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0 || !trace_wait(pid, &status))
			return false;
	} while (WSTOPSIG(status) != (SIGTRAP | 0x80));
	return true;
}

/* Calls that nobody asks about come last, and are left to the snippet. */
static unsigned n_judged(const struct preparation *p) {
	unsigned n = snippet_n_calls(&p->list);

	while (n > 0 && !p->name[n - 1])
		n--;
	return n;
}

static bool run_list(struct tracer *t, const struct preparation *p, struct registers *regs) {
	unsigned n = n_judged(p);

	for (unsigned i = 0; i < n; i++) {
		int64_t result;

		if (!run_one(t, regs, &result))
			return false;
		judge_call(t, p->name[i], result);
		if (result < 0 && p->list.call[i].vital)
			break;
	}
	return true;
}

/* ---- what came of it ----------------------------------------------------------------------------------------- */

/* Under a finite limit and without the capability, the next thread must still fit; how large it is, is
 * known of glibc alone. */
static bool lacks_headroom(const struct tracer *t, const struct trace_status *s, uint64_t stack) {
	uint64_t limit = lock_facts_limit(t->pid, "Max locked memory", false);

	return t->what.order.lock == INIT_LOCK_STRICT && limit != BYTES_UNLIMITED &&
		!(s->capabilities >> CAP_IPC_LOCK & 1) &&
		strcmp(t->what.malloc_owner, "glibc") == 0 && stack != BYTES_UNLIMITED &&
		s->locked_bytes + stack > limit;
}

/* A filter may end a program for a call instead of refusing it: the signal waits for it then. */
static bool is_doomed(const struct trace_status *s) {
	return s->signals_pending >> (SIGSYS - 1) & 1;
}

static void verify(struct tracer *t, const struct trace_status *s, uint64_t stack) {
	const struct report *r = &t->report;

	t->doomed = is_doomed(s);
	if (t->doomed)
		trace_problem(t, "mlockall", EPERM,
			"a seccomp filter ends the program for it: let mlockall through "
			"(SystemCallFilter=@memlock in a systemd unit, the seccomp profile of a "
			"container)");
	if (t->what.order.lock == INIT_LOCK_NONE)
		return;
	if (r->unlocked_bytes > NEVER_LOCKED_BYTES)
		trace_problem(t, "verify", EAGAIN,
			"mlockall() succeeded, but %llu bytes of %llu aren't locked",
			(unsigned long long)r->unlocked_bytes, (unsigned long long)s->size_bytes);
	if (lacks_headroom(t, s, stack))
		trace_problem_diagnosed(t, "memlock", ENOMEM, stack);
}

static void gather(struct tracer *t) {
	struct report *r = &t->report;
	struct trace_status s;
	uint64_t covered, stack;

	if (trace_status_read(t->pid, &s) < 0)
		return;
	covered = s.locked_bytes + s.hugetlb_bytes;
	r->locked_bytes = s.locked_bytes;
	r->size_bytes = s.size_bytes;
	r->unlocked_bytes = s.size_bytes > covered ? s.size_bytes - covered : 0;
	r->main_stack_bytes = t->stack_low ? t->what.order.main_stack_bytes : 0;
	stack = lock_facts_limit(t->pid, "Max stack size", false);
	r->thread_stack_bytes = stack == BYTES_UNLIMITED ? 0 : stack;
	t->seccomp_filters = s.seccomp_filters;
	t->seccomp = s.seccomp;
	r->dumpable = !t->what.order.non_dumpable;
	r->thp_disabled = !s.thp_enabled;
	memcpy(r->malloc_owner, t->what.malloc_owner, sizeof(r->malloc_owner));
	verify(t, &s, stack);
}

/* Before anything was changed inside it. */
static bool refuse(struct tracer *t, int error, const char *what) {
	bool strict = t->what.order.lock == INIT_LOCK_STRICT;

	trace_problem(t, "ptrace", error, "%s: %s", what, strerror(-error));
	trace_report(t, strict ? REPORT_INIT_FAILED : REPORT_INIT_PARTIAL);
	if (strict)
		(void)kill(t->pid, SIGKILL); /* nothing of it has run */
	(void)ptrace(PTRACE_DETACH, t->pid, 0, 0);
	return false;
}

/* What failed as a call ends the program by itself; what was found out behind it ends it here. */
static void close_program(struct tracer *t, struct registers *regs) {
	registers_start_at(regs, t->snippet + snippet_exit_offset());
	if (registers_set(t->pid, regs) < 0)
		(void)kill(t->pid, SIGKILL);
}

static bool conclude(struct tracer *t, struct registers *regs) {
	bool problem = t->report.step[0];
	bool fails = t->doomed || (problem && t->what.order.lock == INIT_LOCK_STRICT);

	if (fails)
		trace_report(t, REPORT_INIT_FAILED);
	else
		trace_report(t, problem ? REPORT_INIT_PARTIAL : REPORT_INIT);
	if (fails)
		close_program(t, regs);
	(void)ptrace(PTRACE_DETACH, t->pid, 0, 0);
	return !fails;
}

static const char *snippet_problem(int error) {
	return error == -ENOSPC ? "no unused executable memory of the program has room for what is "
				  "to be done inside it"
				: "the program's memory can't be written";
}

static bool prepare_with(struct tracer *t, struct preparation *p, struct registers *regs) {
	int r = registers_get(t->pid, regs);

	if (r < 0)
		return refuse(t, r,
			r == -EOPNOTSUPP ? "it has another word size than rtmem"
					 : "its registers can't be read");
	registers_save(regs, &p->list);
	p->list.saved[0] = 0; /* execve() hasn't ended yet: the kernel would give back 0 */
	make_list(p, t, registers_sp(regs));
	r = snippet_write(t->pid, t->pid, &p->list, 0, &t->snippet);
	if (r < 0)
		return refuse(t, r, snippet_problem(r));
	registers_start_at(regs, t->snippet);
	r = registers_set(t->pid, regs);
	if (r < 0)
		return refuse(t, r, "its registers can't be written");
	if (!leave_execve(t->pid) || !run_list(t, p, regs))
		return false; /* it was killed */
	gather(t);
	return conclude(t, regs);
}

bool trace_prepare(struct tracer *t) {
	_cleanup_free_ struct preparation *p = calloc(1, sizeof(*p));
	struct registers regs;

	t->started_usec = trace_now_usec();
	report_init(&t->report, REPORT_INIT);
	if (!p)
		return refuse(t, -ENOMEM, "preparing it");
	return prepare_with(t, p, &regs);
}
