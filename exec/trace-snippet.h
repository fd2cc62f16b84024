/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_EXEC_TRACE_SNIPPET_H
#define RTMEM_EXEC_TRACE_SNIPPET_H

/*
 * The snippet: a few instructions that run inside the program, do a list of system calls, put back what
 * they changed and go on where the program was. It's copied, with its list behind it, into a place that
 * is executable and unused; then one write of the program counter starts it. Before that write nothing
 * has changed for the program, after it the program gets along alone: whether the tracer still lives
 * makes no difference to it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define SNIPPET_CALLS_MAX   20
#define SNIPPET_ARGUMENTS   4
#define SNIPPET_SAVED_MAX   8
#define SNIPPET_EXIT_STATUS 125 /* of a program whose vital call failed */

/* ---- what the machine code of the snippet reads; its offsets stand in trace-ARCH.c ------------------- */

struct snippet_call {
	uint64_t number_plus_one; /* 0 ends the list */
	uint64_t argument[SNIPPET_ARGUMENTS];
	uint64_t vital; /* 1: a failure ends the program */
};

struct snippet_data {
	uint64_t resume; /* where the program goes on */
	uint64_t saved
		[SNIPPET_SAVED_MAX]; /* registers that the snippet uses: first that of a result, then
					in the architecture's own order */
	struct snippet_call call[SNIPPET_CALLS_MAX + 1];
};

_Static_assert(offsetof(struct snippet_data, saved) == 8, "read by the machine code");
_Static_assert(offsetof(struct snippet_data, call) == 72, "read by the machine code");
_Static_assert(sizeof(struct snippet_call) == 48, "read by the machine code");

/* ---- architecture: trace-ARCH.c -------------------------------------------------------------------- */

struct registers { /* NT_PRSTATUS */
	struct user_regs_struct user;
};

extern const unsigned char trace_snippet_code[], trace_snippet_exit[], trace_snippet_data[];
static inline size_t snippet_code_bytes(void) {
	return (size_t)((uintptr_t)trace_snippet_data - (uintptr_t)trace_snippet_code);
}
/** Where, behind the beginning of the code, the program is ended with SNIPPET_EXIT_STATUS. */
static inline size_t snippet_exit_offset(void) {
	return (size_t)((uintptr_t)trace_snippet_exit - (uintptr_t)trace_snippet_code);
}

/** PTRACE_GETREGSET and PTRACE_SETREGSET. 0 or -errno; -EOPNOTSUPP for a program of another word size. */
int registers_get(pid_t tid, struct registers *ret);
int registers_set(pid_t tid, const struct registers *r);
uint64_t registers_pc(const struct registers *r);
uint64_t registers_sp(const struct registers *r);
/** What the system call that was just left gave back. */
int64_t registers_result(const struct registers *r);
/** Fills in `resume` and `saved`, so that the snippet ends with the registers as they are here. */
void registers_save(const struct registers *r, struct snippet_data *ret);
/** The same for a thread that was stopped in a system call, which it will begin again. -EAGAIN: it was in
 *  none, or in one that has ended; -EOPNOTSUPP: not on this architecture. */
int registers_save_call(const struct registers *r, struct snippet_data *ret);
/** Like r, but about to run at pc, and in no system call. */
void registers_start_at(struct registers *r, uint64_t pc);

/* ---- the list ---------------------------------------------------------------------------------------- */

/** Appends a call; false if there's no room for one more. */
bool snippet_add(struct snippet_data *d, bool vital, long number, uint64_t a, uint64_t b,
	uint64_t c, uint64_t e);
unsigned snippet_n_calls(const struct snippet_data *d);
/** Bytes of code and data that have to be written. */
size_t snippet_bytes(const struct snippet_data *d);
/** Writes it to where it was written before, or finds an unused executable place for it. tid: a stopped
 *  thread of pid; known: 0 for the first time. -ENOSPC: there's no such place. */
int snippet_write(
	pid_t pid, pid_t tid, const struct snippet_data *d, uint64_t known, uint64_t *ret_address);

#endif
