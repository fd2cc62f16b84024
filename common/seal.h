/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_SEAL_H
#define RTMEM_COMMON_SEAL_H

/*
 * Calls that change a process's memory map, for memory.seal: one table behind the filter that denies
 * them (built by the library inside the program) and the counters that report them (rtmemd).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seal_call { /* as people know them: several system calls may share one */
	SEAL_CALL_MMAP,
	SEAL_CALL_MUNMAP,
	SEAL_CALL_BRK,
	SEAL_CALL_MPROTECT,
	SEAL_CALL_MREMAP,
	SEAL_CALL_MADVISE,
	SEAL_CALL_SHM,
	SEAL_CALL_AIO,
	SEAL_CALL_FORK,
	SEAL_CALL_EXEC,
	SEAL_CALL_MAX,
};
#define SEAL_ARGUMENTS 6

/** "mmap" ...; NULL when unknown. */
const char *seal_call_to_string(enum seal_call call);

/** Does this system call, as it begins, ask for a change of the map? Then which; SEAL_CALL_MAX: no. A
 *  child that shares its parent's memory until it executes something (vfork) changes nothing. */
enum seal_call seal_asks(long number, const uint64_t arguments[static SEAL_ARGUMENTS]);
/** Was this system call, as it ended, denied by the filter? Then which; SEAL_CALL_MAX: no. */
enum seal_call seal_denied(long number, long result);

#define SEAL_NUMBERS_TEXT_MAX 512
/** "id == 9 || id == 11 ...": all system calls of the table, as tracing in the kernel is told. */
int seal_numbers(char *buf, size_t size);

struct sock_filter;
#define SEAL_FILTER_MAX 128u
/** The filter that denies them, for this architecture, into SEAL_FILTER_MAX instructions: their number. */
size_t seal_filter(struct sock_filter *ret);

#endif
