/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The snippet for x86-64. It uses no stack, because a program may keep its stack in a way that only it
 * knows (Go), and changes no flag but after a vital call, by counting with lea and jrcxz.
 */
#include "exec/trace-snippet.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define USER_CODE_64  0x33 /* code segment of 64 bit programs */
#define SYSCALL_BYTES 2 /* of the instruction */

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
	"	leaq	trace_snippet_data+72(%rip), %r12\n"
	"1:	movq	0(%r12), %rcx\n"		/* number + 1 */
	"	jrcxz	3f\n"
	"	leaq	-1(%rcx), %rax\n"
	"	movq	8(%r12), %rdi\n"
	"	movq	16(%r12), %rsi\n"
	"	movq	24(%r12), %rdx\n"
	"	movq	32(%r12), %r10\n"
	"	syscall\n"
	"	movq	40(%r12), %rcx\n"		/* vital? */
	"	jrcxz	2f\n"
	"	testq	%rax, %rax\n"
	"	js	4f\n"
	"2:	leaq	48(%r12), %r12\n"
	"	jmp	1b\n"
	"3:	movq	trace_snippet_data+8(%rip), %rax\n"
	"	movq	trace_snippet_data+16(%rip), %rcx\n"
	"	movq	trace_snippet_data+24(%rip), %rdx\n"
	"	movq	trace_snippet_data+32(%rip), %rsi\n"
	"	movq	trace_snippet_data+40(%rip), %rdi\n"
	"	movq	trace_snippet_data+48(%rip), %r10\n"
	"	movq	trace_snippet_data+56(%rip), %r11\n"
	"	movq	trace_snippet_data+64(%rip), %r12\n"
	"	jmpq	*trace_snippet_data(%rip)\n"
	"trace_snippet_exit:\n"
	"4:	movl	$231, %eax\n"			/* exit_group */
	"	movl	$125, %edi\n"
	"	syscall\n"
	"	jmp	4b\n"
	".balign 8\n"
	"trace_snippet_data:\n"
	"	.quad	0\n"
	".popsection\n");
/* clang-format on */

int registers_get(pid_t tid, struct registers *ret) {
	struct iovec v = { &ret->user, sizeof(ret->user) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &v) < 0)
		return -errno;
	return v.iov_len == sizeof(ret->user) && ret->user.cs == USER_CODE_64 ? 0 : -EOPNOTSUPP;
}

int registers_set(pid_t tid, const struct registers *r) {
	struct user_regs_struct user = r->user;
	struct iovec v = { &user, sizeof(user) };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &v) < 0 ? -errno : 0;
}

uint64_t registers_pc(const struct registers *r) {
	return r->user.rip;
}

uint64_t registers_sp(const struct registers *r) {
	return r->user.rsp;
}

int64_t registers_result(const struct registers *r) {
	return (int64_t)r->user.rax;
}

void registers_save(const struct registers *r, struct snippet_data *ret) {
	const struct user_regs_struct *u = &r->user;
	const uint64_t saved[SNIPPET_SAVED_MAX] = { u->rax, u->rcx, u->rdx, u->rsi, u->rdi, u->r10,
		u->r11, u->r12 };

	ret->resume = u->rip;
	for (int i = 0; i < SNIPPET_SAVED_MAX; i++)
		ret->saved[i] = saved[i];
}

/* The kernel's own marks of a call that it would begin again; no program ever sees them. */
enum {
	RESTART_CALL = -512,
	RESTART_ALWAYS = -513,
	RESTART_NO_HANDLER = -514,
	RESTART_BLOCK = -516, /* by restart_syscall(), with what is left of a timeout */
};

/* Waits that end with EINTR for any stop, and may be begun again because nothing happened. */
static bool is_plain_wait(uint64_t number) {
	switch (number) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_rt_sigtimedwait:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_io_getevents:
		return true;
	default:
		return false;
	}
}

static int64_t number_to_begin_with(const struct user_regs_struct *u) {
	switch ((int64_t)u->rax) {
	case RESTART_CALL:
	case RESTART_ALWAYS:
	case RESTART_NO_HANDLER:
		return (int64_t)u->orig_rax;
	case RESTART_BLOCK:
		return SYS_restart_syscall;
	case -EINTR:
		return is_plain_wait(u->orig_rax) ? (int64_t)u->orig_rax : -EAGAIN;
	default:
		return -EAGAIN;
	}
}

int registers_save_call(const struct registers *r, struct snippet_data *ret) {
	int64_t number = (int64_t)r->user.orig_rax < 0 ? -EAGAIN : number_to_begin_with(&r->user);

	if (number < 0)
		return -EAGAIN;
	registers_save(r, ret);
	ret->resume = r->user.rip - SYSCALL_BYTES;
	ret->saved[0] = (uint64_t)number;
	return 0;
}

void registers_start_at(struct registers *r, uint64_t pc) {
	r->user.rip = pc;
	r->user.orig_rax = UINT64_MAX; /* no system call to be begun again */
}
