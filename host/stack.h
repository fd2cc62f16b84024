/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_STACK_H
#define RTMEM_HOST_STACK_H

/*
 * The stack of one thread of another process, and how deep it was ever used. A stack that is present is
 * zero where nobody has written: the first byte from its low end that isn't zero is the deepest that was
 * reached. Only pages that are there are read, so that looking makes none.
 *
 * It can't see: a stack that the program made from its own memory (without a guard below it), what was
 * written as zeros, and on a stack taken over from a thread that has ended, whose the depth was.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stack_range {
	uint64_t start; /* the guard lies below */
	uint64_t end;
};

/** maps_fd: of mapping_open(). 0; -ENOENT where no stack can be told from other memory (it may help to
 *  ask again); -ESRCH, -errno. */
int stack_find(pid_t pid, pid_t tid, int maps_fd, struct stack_range *ret);
/** /proc/PID/pagemap, close-on-exec; the descriptor or -errno. */
int stack_open_pages(pid_t pid);
/**
 * Looks for the first byte that isn't zero in [from, to), reading no more than *budget_bytes, from which
 * it takes what it looked at. Returns 1 and the address; 0 when there's none up to the address returned,
 * which is `to` unless the budget ended; -errno.
 */
int stack_scan(pid_t pid, int pages_fd, uint64_t from, uint64_t to, size_t *budget_bytes,
	uint64_t *ret_address);

#endif
