/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a denied call gives back is what its own manual says it may: programs and the C library are made
 * for that. Memory can't be had (ENOMEM), locked memory can't be given back (EINVAL), processes can't be
 * made (EPERM). Two are special: brk() has no way to fail but an address that isn't the one asked for, of
 * which 0 is the one that the C library takes for "ask again"; and what clone3() shall do can't be seen
 * by a filter, so it's said to be missing (ENOSYS), and the C library uses clone().
 *
 * The filter is a chain of comparisons with the number alone wherever a call is let through, so that the
 * kernel (5.11 and later) works out once which numbers never need it.
 */
#include "common/seal.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

/* Newer than some C libraries */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#if defined(__x86_64__)
#define ARCHITECTURE	  AUDIT_ARCH_X86_64
#define OTHER_ABI_NUMBERS 0x40000000u /* x32: the same calls under other numbers */
#else /* meson.build lets no third one through */
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum only_if {
	ALWAYS,
	ADDRESS_GIVEN, /* brk(0) is a question */
	ADVICE_DROPS, /* the third argument */
	MAKES_PROCESS, /* clone(): threads are made in the map that there is */
};

struct row {
	long number;
	enum seal_call call; /* SEAL_CALL_MAX: no news to anybody */
	enum only_if only_if;
	bool in_place; /* the caller's own map stays as it is: denied, but not reported */
	int error; /* of a denied call */
};

static const struct row rows[] = {
	{ SYS_mmap, SEAL_CALL_MMAP, ALWAYS, false, ENOMEM },
	{ SYS_munmap, SEAL_CALL_MUNMAP, ALWAYS, false, ENOMEM },
	{ SYS_brk, SEAL_CALL_BRK, ADDRESS_GIVEN, false, 0 },
	{ SYS_mprotect, SEAL_CALL_MPROTECT, ALWAYS, false, ENOMEM },
	{ SYS_pkey_mprotect, SEAL_CALL_MPROTECT, ALWAYS, false, ENOMEM },
	{ SYS_mremap, SEAL_CALL_MREMAP, ALWAYS, false, ENOMEM },
	{ SYS_remap_file_pages, SEAL_CALL_MREMAP, ALWAYS, false, EINVAL },
	{ SYS_madvise, SEAL_CALL_MADVISE, ADVICE_DROPS, false, EINVAL },
	{ SYS_shmat, SEAL_CALL_SHM, ALWAYS, false, ENOMEM },
	{ SYS_shmdt, SEAL_CALL_SHM, ALWAYS, false, EINVAL },
	{ SYS_io_setup, SEAL_CALL_AIO, ALWAYS, false, ENOMEM },
	{ SYS_io_destroy, SEAL_CALL_AIO, ALWAYS, false, EINVAL },
	{ SYS_clone, SEAL_CALL_FORK, MAKES_PROCESS, false, EPERM },
#ifdef SYS_fork
	{ SYS_fork, SEAL_CALL_FORK, ALWAYS, false, EPERM },
	{ SYS_vfork, SEAL_CALL_FORK, ALWAYS, true, EPERM },
#endif
	{ SYS_execve, SEAL_CALL_EXEC, ALWAYS, true, EPERM },
	{ SYS_execveat, SEAL_CALL_EXEC, ALWAYS, true, EPERM },
	{ SYS_clone3, SEAL_CALL_MAX, ALWAYS, true, ENOSYS },
};

/* Advice that takes pages away, or makes them fault */
static const int dropping[] = { MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_PAGEOUT,
	MADV_DONTNEED_LOCKED, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE };

const char *seal_call_to_string(enum seal_call call) {
	static const char *const names[SEAL_CALL_MAX] = {
		[SEAL_CALL_MMAP] = "mmap",
		[SEAL_CALL_MUNMAP] = "munmap",
		[SEAL_CALL_BRK] = "brk",
		[SEAL_CALL_MPROTECT] = "mprotect",
		[SEAL_CALL_MREMAP] = "mremap",
		[SEAL_CALL_MADVISE] = "madvise",
		[SEAL_CALL_SHM] = "shmat",
		[SEAL_CALL_AIO] = "io_setup",
		[SEAL_CALL_FORK] = "fork",
		[SEAL_CALL_EXEC] = "execve",
	};

	return (unsigned)call < SEAL_CALL_MAX ? names[call] : NULL;
}

/* ---- what a call is ---------------------------------------------------------------------------- */

static const struct row *find_row(long number) {
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

static bool drops(uint64_t advice) {
	for (size_t i = 0; i < ARRAY_LEN(dropping); i++)
		if ((uint32_t)advice == (uint32_t)dropping[i])
			return true;
	return false;
}

static bool applies(const struct row *row, const uint64_t arguments[static SEAL_ARGUMENTS]) {
	switch (row->only_if) {
	case ALWAYS:
		return true;
	case ADDRESS_GIVEN:
		return arguments[0] != 0;
	case ADVICE_DROPS:
		return drops(arguments[2]);
	case MAKES_PROCESS:
		return !(arguments[0] & CLONE_VM);
	}
	return false;
}

enum seal_call seal_asks(long number, const uint64_t arguments[static SEAL_ARGUMENTS]) {
	const struct row *row = find_row(number);

	return row && !row->in_place && applies(row, arguments) ? row->call : SEAL_CALL_MAX;
}

enum seal_call seal_denied(long number, long result) {
	const struct row *row = find_row(number);

	return row && result == -row->error ? row->call : SEAL_CALL_MAX;
}

int seal_numbers(char *buf, size_t size) {
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int n;

		if (rows[i].call == SEAL_CALL_MAX)
			continue;
		n = snprintf(
			buf + used, size - used, "%sid == %ld", used ? " || " : "", rows[i].number);
		if (n < 0 || (size_t)n >= size - used)
			return -ENOBUFS;
		used += (size_t)n;
	}
	return 0;
}

/* ---- the filter -------------------------------------------------------------------------------- */

struct builder {
	struct sock_filter *code;
	size_t n;
};

#define FIELD(member)	 ((uint32_t)offsetof(struct seccomp_data, member))
#define LOW_HALF(index)	 (FIELD(args) + 8u * (index)) /* both architectures are little-endian */
#define HIGH_HALF(index) (LOW_HALF(index) + 4u)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "LOW_HALF() says so");

static void emit(struct builder *b, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
	if (b->n < SEAL_FILTER_MAX)
		b->code[b->n++] = (struct sock_filter){ code, if_true, if_false, k };
}

static void load(struct builder *b, uint32_t offset) {
	emit(b, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* Jumps count the instructions to be left out. */
static void if_equal(struct builder *b, uint32_t value, uint8_t then, uint8_t otherwise) {
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise);
}

static void give_back(struct builder *b, int error) {
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error, 0, 0);
}

static void let_through(struct builder *b) {
	emit(b, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* The conditions, each of which ends with the verdict */
static void add_address_given(struct builder *b, int error) {
	load(b, LOW_HALF(0));
	if_equal(b, 0, 0, 2);
	load(b, HIGH_HALF(0));
	if_equal(b, 0, 1, 0);
	give_back(b, error);
	let_through(b);
}

static void add_advice_drops(struct builder *b, int error) {
	load(b, LOW_HALF(2));
	for (size_t i = 0; i < ARRAY_LEN(dropping); i++)
		if_equal(b, (uint32_t)dropping[i], (uint8_t)(ARRAY_LEN(dropping) - i), 0);
	let_through(b);
	give_back(b, error);
}

/* Not by CLONE_VM, as for what is reported: a child that shares this memory shares the filter too, and
 * what it executes couldn't be loaded. */
static void add_makes_process(struct builder *b, int error) {
	load(b, LOW_HALF(0));
	emit(b, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
	give_back(b, error);
	let_through(b);
}

static void add_row(struct builder *b, const struct row *row) {
	size_t at = b->n;

	if_equal(b, (uint32_t)row->number, 0, 0);
	switch (row->only_if) {
	case ALWAYS:
		give_back(b, row->error);
		break;
	case ADDRESS_GIVEN:
		add_address_given(b, row->error);
		break;
	case ADVICE_DROPS:
		add_advice_drops(b, row->error);
		break;
	case MAKES_PROCESS:
		add_makes_process(b, row->error);
		break;
	}
	if (at < SEAL_FILTER_MAX)
		b->code[at].jf = (uint8_t)(b->n - at - 1);
}

/* Whatever another architecture's calls may do, nothing of it is known. */
static void add_other_abis(struct builder *b) {
	load(b, FIELD(arch));
	if_equal(b, ARCHITECTURE, 1, 0);
	give_back(b, ENOSYS);
	load(b, FIELD(nr));
#ifdef OTHER_ABI_NUMBERS
	emit(b, BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI_NUMBERS, 0, 1);
	give_back(b, ENOSYS);
#endif
}

size_t seal_filter(struct sock_filter *ret) {
	struct builder b = { .code = ret };

	add_other_abis(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		add_row(&b, &rows[i]);
	let_through(&b);
	return b.n;
}
