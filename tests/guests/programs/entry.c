/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Says what its first instruction finds: each register, and what the kernel has laid upon the stack. Has
 * no C library, whose start would come first. On aarch64 it's built for branch targets to be enforced
 * (BTI), and its first instruction isn't one: a start by a jump of the wrong kind ends it by SIGILL.
 */
#include <elf.h>
#include <stdint.h>
#include <sys/syscall.h>

#define STATUS 7

void entry_main(const uint64_t *registers, const uint64_t *stack) __attribute__((noreturn, used));

#if defined(__x86_64__)
/* clang-format off */
__asm__(
	".globl _start\n"
	"_start:\n"
	"	push	%r15\n	push	%r14\n	push	%r13\n	push	%r12\n	push	%r11\n"
	"	push	%r10\n	push	%r9\n	push	%r8\n	push	%rbp\n	push	%rdi\n"
	"	push	%rsi\n	push	%rdx\n	push	%rcx\n	push	%rbx\n	push	%rax\n"
	"	mov	%rsp, %rdi\n"
	"	lea	120(%rsp), %rsi\n"
	"	and	$-16, %rsp\n"
	"	call	entry_main\n");
/* clang-format on */
#define REGISTERS 15
#define CHANGED	  (-1) /* none */

static long call(long number, long a, const void *b, long c) {
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}
#else
/* clang-format off */
__asm__(
	".globl _start\n"
	"_start:\n"
	"	stp	x30, xzr, [sp, #-16]!\n"
	"	stp	x28, x29, [sp, #-16]!\n	stp	x26, x27, [sp, #-16]!\n"
	"	stp	x24, x25, [sp, #-16]!\n	stp	x22, x23, [sp, #-16]!\n"
	"	stp	x20, x21, [sp, #-16]!\n	stp	x18, x19, [sp, #-16]!\n"
	"	stp	x16, x17, [sp, #-16]!\n	stp	x14, x15, [sp, #-16]!\n"
	"	stp	x12, x13, [sp, #-16]!\n	stp	x10, x11, [sp, #-16]!\n"
	"	stp	x8, x9, [sp, #-16]!\n	stp	x6, x7, [sp, #-16]!\n"
	"	stp	x4, x5, [sp, #-16]!\n	stp	x2, x3, [sp, #-16]!\n"
	"	stp	x0, x1, [sp, #-16]!\n"
	"	mov	x0, sp\n"
	"	add	x1, sp, #256\n"
	"	bl	entry_main\n");
/* clang-format on */
#define REGISTERS 31
#define CHANGED	  17 /* any jump may, by the calling convention */

static long call(long number, long a, const void *b, long c) {
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register const void *x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
#endif

static void say(const char *text) {
	long len = 0;

	while (text[len])
		len++;
	(void)call(SYS_write, 1, text, len);
	(void)call(SYS_write, 1, "\n", 1);
}

static void say_number(uint64_t n) {
	char text[17];

	for (int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
	text[16] = '\0';
	say(text);
}

static const uint64_t *say_strings(const uint64_t *at) {
	for (; *at; at++) {
		say_number(*at);
		say((const char *)(uintptr_t)*at); /* NOLINT: as the kernel gives it */
	}
	return at + 1;
}

void entry_main(const uint64_t *registers, const uint64_t *stack) {
	const uint64_t *at;

	for (int i = 0; i < REGISTERS; i++)
		if (i != CHANGED)
			say_number(registers[i]);
	say_number((uint64_t)(uintptr_t)stack);
	at = say_strings(say_strings(stack + 1));
	for (; at[0] != AT_NULL; at += 2) {
		say_number(at[0]);
		say_number(at[1]);
	}
	for (;;)
		(void)call(SYS_exit_group, STATUS, 0, 0);
}
