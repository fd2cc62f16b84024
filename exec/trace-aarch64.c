/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The snippet for aarch64: x17, which any jump may change by its calling convention, carries it back. */
#include "exec/trace-snippet.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define STATE_32_BITS 0x10 /* bit of pstate: not an aarch64 program */

/* clang-format off */
__asm__(
	".pushsection .rodata\n"
	".balign 16\n"
	".globl trace_snippet_code\n"
	".globl trace_snippet_exit\n"
	".globl trace_snippet_data\n"
	".hidden trace_snippet_exit\n"
	".hidden trace_snippet_code\n"
	".hidden trace_snippet_data\n"
	"trace_snippet_code:\n"
	"	adr	x9, trace_snippet_data\n"
	"	add	x10, x9, #72\n"
	"1:	ldr	x8, [x10]\n"			/* number + 1 */
	"	cbz	x8, 3f\n"
	"	sub	x8, x8, #1\n"
	"	ldp	x0, x1, [x10, #8]\n"
	"	ldp	x2, x3, [x10, #24]\n"
	"	svc	#0\n"
	"	ldr	x11, [x10, #40]\n"		/* vital? */
	"	cbz	x11, 2f\n"
	"	tbnz	x0, #63, 4f\n"
	"2:	add	x10, x10, #48\n"
	"	b	1b\n"
	"3:	ldr	x17, [x9]\n"
	"	ldp	x0, x1, [x9, #8]\n"
	"	ldp	x2, x3, [x9, #24]\n"
	"	ldp	x8, x10, [x9, #40]\n"
	"	ldr	x11, [x9, #56]\n"
	"	ldr	x9, [x9, #64]\n"
	"	ret	x17\n"			/* not br: may lead anywhere under BTI */
	"trace_snippet_exit:\n"
	"4:	mov	x8, #94\n"			/* exit_group */
	"	mov	x0, #125\n"
	"	svc	#0\n"
	"	b	4b\n"
	".balign 8\n"
	"trace_snippet_data:\n"
	"	.quad	0\n"
	".popsection\n");
/* clang-format on */

int registers_get(pid_t tid, struct registers *ret) {
	struct iovec v = { &ret->user, sizeof(ret->user) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) < 0)
		return -errno;
	return v.iov_len == sizeof(ret->user) && !(ret->user.pstate & STATE_32_BITS) ? 0
										     : -EOPNOTSUPP;
}

int registers_set(pid_t tid, const struct registers *r) {
	struct user_regs_struct user = r->user;
	struct iovec v = { &user, sizeof(user) };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v) < 0 ? -errno : 0;
}

uint64_t registers_pc(const struct registers *r) {
	return r->user.pc;
}

uint64_t registers_sp(const struct registers *r) {
	return r->user.sp;
}

int64_t registers_result(const struct registers *r) {
	return (int64_t)r->user.regs[0];
}

void registers_save(const struct registers *r, struct snippet_data *ret) {
	static const int order[SNIPPET_SAVED_MAX] = { 0, 1, 2, 3, 8, 10, 11, 9 };

	ret->resume = r->user.pc;
	for (int i = 0; i < SNIPPET_SAVED_MAX; i++)
		ret->saved[i] = r->user.regs[order[i]];
}

/* At a stop the kernel has already overwritten what tells how the call is to be begun again. */
int registers_save_call(const struct registers *r, struct snippet_data *ret) {
	return -EOPNOTSUPP;
}

void registers_start_at(struct registers *r, uint64_t pc) {
	r->user.pc = pc;
}
