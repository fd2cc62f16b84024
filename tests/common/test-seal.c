/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of calls that change a memory map: what is reported, what is denied, and with which error; the
 * filter is run here by a small machine, as the kernel's would run it. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/seal.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#define NUMBERS	    500 /* of system calls, and some to come */
#define LET_THROUGH (-1)

/* ---- the machine ------------------------------------------------------------------------------- */

struct answer {
	int error; /* LET_THROUGH, or the errno */
	bool looked_at_arguments;
};

static bool jumps(const struct sock_filter *i, uint32_t a) {
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == i->k;
	case BPF_JGE:
		return a >= i->k;
	case BPF_JSET:
		return a & i->k;
	default:
		fail_msg("no jump of ours: %#x", i->code);
		return false;
	}
}

static struct answer run(const struct seccomp_data *data) {
	struct sock_filter code[SEAL_FILTER_MAX];
	struct answer answer = { LET_THROUGH, false };
	size_t n = seal_filter(code);
	uint32_t a = 0;

	assert_in_range(n, 1, SEAL_FILTER_MAX - 1);
	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *i = &code[at];

		if (i->code == (BPF_RET | BPF_K)) {
			if (i->k != SECCOMP_RET_ALLOW)
				answer.error = (int)(i->k & SECCOMP_RET_DATA);
			assert_true(i->k == SECCOMP_RET_ALLOW ||
				(i->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
			return answer;
		}
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(i->k + sizeof(a) <= sizeof(*data));
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			answer.looked_at_arguments |= i->k >= offsetof(struct seccomp_data, args);
		} else {
			assert_int_equal(BPF_CLASS(i->code), BPF_JMP);
			at += jumps(i, a) ? i->jt : i->jf;
		}
	}
	fail_msg("the filter has no end");
	return answer;
}

static struct answer ask(long number, uint64_t a, uint64_t b, uint64_t c) {
	struct seccomp_data data = { .nr = (int)number, .arch = ARCHITECTURE, .args = { a, b, c } };

	return run(&data);
}

static enum seal_call reported(long number, uint64_t a, uint64_t b, uint64_t c) {
	const uint64_t arguments[SEAL_ARGUMENTS] = { a, b, c };

	return seal_asks(number, arguments);
}

/* ---- calls --------------------------------------------------------------------------------------- */

struct example {
	long number;
	uint64_t a, b, c;
	enum seal_call call; /* as it's reported; SEAL_CALL_MAX: isn't */
	int error;
};

static const struct example changing[] = {
	{ SYS_mmap, 0, 4096, 3, SEAL_CALL_MMAP, ENOMEM },
	{ SYS_munmap, 4096, 4096, 0, SEAL_CALL_MUNMAP, ENOMEM },
	{ SYS_brk, 4096, 0, 0, SEAL_CALL_BRK, 0 },
	{ SYS_brk, 1ull << 32, 0, 0, SEAL_CALL_BRK, 0 },
	{ SYS_mprotect, 4096, 4096, 1, SEAL_CALL_MPROTECT, ENOMEM },
	{ SYS_pkey_mprotect, 4096, 4096, 1, SEAL_CALL_MPROTECT, ENOMEM },
	{ SYS_mremap, 4096, 4096, 8192, SEAL_CALL_MREMAP, ENOMEM },
	{ SYS_madvise, 4096, 4096, MADV_DONTNEED, SEAL_CALL_MADVISE, EINVAL },
	{ SYS_madvise, 4096, 4096, MADV_FREE, SEAL_CALL_MADVISE, EINVAL },
	{ SYS_madvise, 4096, 4096, MADV_REMOVE, SEAL_CALL_MADVISE, EINVAL },
	{ SYS_shmat, 1, 0, 0, SEAL_CALL_SHM, ENOMEM },
	{ SYS_shmdt, 4096, 0, 0, SEAL_CALL_SHM, EINVAL },
	{ SYS_clone, SIGCHLD, 0, 0, SEAL_CALL_FORK, EPERM },
	{ SYS_clone, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, SEAL_CALL_FORK,
		EPERM },
#ifdef SYS_fork
	{ SYS_fork, 0, 0, 0, SEAL_CALL_FORK, EPERM },
	{ SYS_vfork, 0, 0, 0, SEAL_CALL_MAX, EPERM },
#endif
	/* posix_spawn(): its child would have the filter */
	{ SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, SEAL_CALL_MAX, EPERM },
	{ SYS_execve, 4096, 4096, 0, SEAL_CALL_MAX, EPERM },
	{ SYS_execveat, 3, 4096, 0, SEAL_CALL_MAX, EPERM },
	{ SYS_clone3, 4096, 88, 0, SEAL_CALL_MAX, ENOSYS },
};

static const struct example unchanging[] = {
	{ SYS_brk, 0, 0, 0, SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_madvise, 4096, 4096, MADV_WILLNEED, SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_madvise, 4096, 4096, 23 /* MADV_POPULATE_WRITE */, SEAL_CALL_MAX, LET_THROUGH },
	/* pthread_create() of a C library that has no clone3() */
	{ SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES, 0, 0,
		SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_read, 0, 4096, 1, SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_futex, 4096, 0, 1, SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_mlockall, 1, 0, 0, SEAL_CALL_MAX, LET_THROUGH },
	{ SYS_exit_group, 0, 0, 0, SEAL_CALL_MAX, LET_THROUGH },
};

static void expect(const struct example *e) {
	if (ask(e->number, e->a, e->b, e->c).error != e->error)
		fail_msg("call %ld (%#jx): %d, not %d", e->number, (uintmax_t)e->a,
			ask(e->number, e->a, e->b, e->c).error, e->error);
	if (reported(e->number, e->a, e->b, e->c) != e->call)
		fail_msg("call %ld (%#jx) is reported as %d", e->number, (uintmax_t)e->a,
			(int)reported(e->number, e->a, e->b, e->c));
}

static void what_changes_the_map_fails_as_its_manual_has_it(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(changing); i++)
		expect(&changing[i]);
}

static void what_only_asks_or_works_in_the_map_is_let_through(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(unchanging); i++)
		expect(&unchanging[i]);
}

/* Then the kernel (5.11 and later) asks the filter once for all calls of this number. */
static void other_calls_are_let_through_by_their_number_alone(void **state) {
	size_t n_let_through = 0;

	for (long number = 0; number < NUMBERS; number++) {
		struct answer answer = ask(number, UINT64_MAX, UINT64_MAX, UINT64_MAX);

		if (answer.error == LET_THROUGH && number != SYS_madvise && number != SYS_clone)
			assert_false(answer.looked_at_arguments);
		n_let_through += answer.error == LET_THROUGH;
	}
	assert_in_range(n_let_through, NUMBERS - ARRAY_LEN(changing), NUMBERS);
}

static void calls_of_another_architecture_are_missing(void **state) {
	struct seccomp_data data = { .nr = SYS_read, .arch = AUDIT_ARCH_I386 };

	assert_int_equal(run(&data).error, ENOSYS);
#if defined(__x86_64__)
	data = (struct seccomp_data){ .nr = 0x40000000 | SYS_mmap, .arch = ARCHITECTURE };
	assert_int_equal(run(&data).error, ENOSYS);
#endif
}

static void what_was_denied_is_known_by_its_result(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(changing); i++) {
		const struct example *e = &changing[i];
		enum seal_call denied = seal_denied(e->number, -e->error);

		if (e->number != SYS_clone3 && e->call != SEAL_CALL_MAX)
			assert_int_equal(denied, e->call);
		assert_int_equal(seal_denied(e->number, 4096), SEAL_CALL_MAX);
	}
	assert_int_equal(seal_denied(SYS_execve, -EPERM), SEAL_CALL_EXEC);
	assert_int_equal(seal_denied(SYS_clone3, -ENOSYS), SEAL_CALL_MAX);
	assert_int_equal(seal_denied(SYS_read, -ENOMEM), SEAL_CALL_MAX);
	assert_int_equal(seal_denied(SYS_munmap, 0), SEAL_CALL_MAX);
}

static void the_kernel_is_told_every_number_once(void **state) {
	char text[SEAL_NUMBERS_TEXT_MAX], number[32], small[16];

	assert_int_equal(seal_numbers(text, sizeof(text)), 0);
	for (size_t i = 0; i < ARRAY_LEN(changing); i++) {
		snprintf(number, sizeof(number), "id == %ld", changing[i].number);
		if (changing[i].number != SYS_clone3 && !strstr(text, number))
			fail_msg("%s isn't in %s", number, text);
	}
	assert_int_equal(strncmp(text, "id == ", 6), 0);
	assert_int_equal(seal_numbers(small, sizeof(small)), -ENOBUFS);
}

static void every_call_has_a_name(void **state) {
	for (enum seal_call call = 0; call < SEAL_CALL_MAX; call++)
		assert_non_null(seal_call_to_string(call));
	assert_null(seal_call_to_string(SEAL_CALL_MAX));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_changes_the_map_fails_as_its_manual_has_it),
		cmocka_unit_test(what_only_asks_or_works_in_the_map_is_let_through),
		cmocka_unit_test(other_calls_are_let_through_by_their_number_alone),
		cmocka_unit_test(calls_of_another_architecture_are_missing),
		cmocka_unit_test(what_was_denied_is_known_by_its_result),
		cmocka_unit_test(the_kernel_is_told_every_number_once),
		cmocka_unit_test(every_call_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
