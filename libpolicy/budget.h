/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_BUDGET_H
#define RTMEM_LIBPOLICY_BUDGET_H

/*
 * The memlock budget: what a process will have locked, as arithmetic that a person can follow.
 * image + main stack + threads x stack + further arenas x 64 MiB + heap + margin. Pure.
 */
#include <stddef.h>
#include <stdint.h>

#include "libpolicy/policy.h"

#define BUDGET_LINES_MAX 8
#define ARENA_RESERVATION_BYTES \
	(64ull << 20) /* address space that glibc reserves per further arena */
#define BUDGET_MARGIN_PERCENT 10
/* mimalloc hands its memory out in pieces of this size, one or more for each thread */
#define MIMALLOC_SEGMENT_BYTES (32ull << 20)
/* what jemalloc maps for its own, and to grow in steps, on top of half of what is preallocated */
#define JEMALLOC_EXTRA_BYTES (32ull << 20)

/** What mimalloc is told to reserve, so that so much is free once the first thread has its segment. */
static inline uint64_t mimalloc_reserved_bytes(uint64_t prealloc_bytes) {
	uint64_t segments = (prealloc_bytes + MIMALLOC_SEGMENT_BYTES - 1) / MIMALLOC_SEGMENT_BYTES;

	return prealloc_bytes ? (segments + 1) * MIMALLOC_SEGMENT_BYTES : 0;
}

struct budget_line {
	const char *what; /* "image", "threads" ... */
	uint64_t count; /* 1 where there's nothing to multiply */
	uint64_t unit_bytes;
	uint64_t bytes; /* count * unit_bytes */
	const char *
		source; /* "memory.stack.threads", "ELF headers" ...: where the number comes from */
};

struct budget {
	struct budget_line lines[BUDGET_LINES_MAX];
	size_t n_lines;
	uint64_t total_bytes; /* margin included */
};

/** image_bytes: mapped size of program and libraries; 0 = not known (then the line is missing and
 *  the total is a lower bound). default_stack_bytes: of threads where the policy says nothing. */
void budget_compute(const struct process_policy *p, uint64_t image_bytes,
	uint64_t default_stack_bytes, struct budget *ret);

#endif
