/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_EXEC_TRACE_H
#define RTMEM_EXEC_TRACE_H

/*
 * Preparing a program that takes no library, by ptrace. A helper process, forked while rtmem-exec still
 * has its launcher's rights, attaches to it shortly before execve() and prepares the new image before
 * its first instruction. It's nobody's parent and nobody's child: the program sees nothing of it.
 */
#include "common/diagnose.h"
#include "common/handoff.h"

struct launch;

/* What the helper is told before it attaches. */
struct trace_order {
	struct init_order order;
	char program[256]; /* for messages */
	char malloc_owner[sizeof(((struct report *)0)->malloc_owner)];
};

/* ---- rtmem-exec's side: trace.c ---------------------------------------------------------------------- */

/** Has the helper attach. 0, or a negative errno with l->why: then the program can't be prepared. */
int trace_attach(struct launch *l, const struct trace_order *o);

/* ---- the helper: trace-helper.c ---------------------------------------------------------------------- */

struct tracer {
	struct trace_order what;
	pid_t pid; /* of the program */
	int report_fd; /* -1 = none: failures go to stderr */
	uint64_t started_usec;
	uint64_t stack_low; /* lowest byte of the main stack wished for; 0 = none is wished for */
	uint64_t snippet; /* where it was written; 0 = it wasn't */
	pid_t late_tid; /* thread that last ran it after the start; 0 = none */
	uint64_t seccomp, seccomp_filters; /* of the program at its start */
	bool doomed; /* a filter ends it as soon as it's let go */
	struct report report;
};

/** talk_fd: the other end is rtmem-exec's. Never returns. */
void trace_helper(int talk_fd, int report_fd, pid_t pid) __attribute__((noreturn));

/** Notes the first problem of a report, with its cause. */
void trace_problem(struct tracer *t, const char *step, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void trace_problem_diagnosed(struct tracer *t, const char *step, int error, uint64_t needed_bytes);
/** Sends the report; without a daemon a problem goes to stderr. */
void trace_report(struct tracer *t, enum report_kind kind);

/** Prepares the program, which is at its exec stop, and lets it go. True when it runs on, and not to its
 *  end for the sake of `strict`. */
bool trace_prepare(struct tracer *t);
/** Balanced: locks what exists each time the daemon says so, or once settled without one, until the
 *  program ends: trace-late.c. */
void trace_serve(struct tracer *t);
/** Waits for the next stop of a thread, and tells its status. False once the thread is gone. */
bool trace_wait(pid_t tid, int *ret_status);
/** A signal on its way to the program, or 0 if the stop is of another kind. */
int trace_signal_of(int status);

/* ---- facts of the program: trace-facts.c -------------------------------------------------------------- */

struct trace_status { /* of /proc/PID/status, bytes */
	uint64_t size_bytes, locked_bytes, data_bytes, hugetlb_bytes;
	uint64_t capabilities, n_threads, thp_enabled, seccomp, seccomp_filters;
	uint64_t signals_pending; /* that nothing blocks */
};

int trace_status_read(pid_t pid, struct trace_status *ret);
/** The first mapping of this name, "[vvar]"; false: there's none. */
bool trace_mapping(pid_t pid, const char *name, uint64_t *ret_start, uint64_t *ret_end);
/** Faults of the program so far, as a sign of life. */
uint64_t trace_minor_faults(pid_t pid);
uint64_t trace_now_usec(void);

#endif
