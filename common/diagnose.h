/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_DIAGNOSE_H
#define RTMEM_COMMON_DIAGNOSE_H

/*
 * Why memory can't be had or locked, and what to change: one errno has many causes, the facts around it
 * tell them apart. Pure: the caller gathers the facts. No allocation, usable before main().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diagnose_facts {
	int error; /* errno of the failed call; 0 = nothing failed yet: would it? */
	uint64_t needed_bytes; /* on top of what the process has now */
	uint64_t reserve_bytes; /* to be left available on the machine */
	bool populates_only; /* the memory is wanted present, but not locked */
	/* of the process; bytes */
	uint64_t size_bytes; /* VmSize */
	uint64_t locked_bytes; /* VmLck */
	uint64_t data_bytes; /* VmData */
	uint64_t memlock_soft, memlock_hard; /* BYTES_UNLIMITED = none, as with the next two */
	uint64_t address_space_soft; /* RLIMIT_AS */
	uint64_t data_soft; /* RLIMIT_DATA */
	bool cap_ipc_lock; /* in the effective set */
	bool user_namespace; /* not the initial one: mlock doesn't honour the capability there */
	int seccomp; /* 0, 1, 2 = a filter is on */
	/* of its memory control group or the tightest of its parents; limit BYTES_UNLIMITED = none */
	uint64_t cgroup_limit;
	uint64_t cgroup_used; /* without what can be reclaimed */
	const char *cgroup_path; /* file that holds the limit, or NULL */
	/* of the machine */
	uint64_t available_bytes; /* MemAvailable; BYTES_UNLIMITED = not known */
	int overcommit; /* vm.overcommit_memory */
	uint64_t commit_limit, committed; /* CommitLimit, Committed_AS */
};

/** Facts that accuse nobody; the gatherer overwrites what it knows. */
void diagnose_facts_init(struct diagnose_facts *f);
/** Writes cause and remedy in one sentence. True when a cause stands in the facts; otherwise the text
 *  says that none was found (and is "" if nothing failed). */
bool diagnose(const struct diagnose_facts *f, char *buf, size_t size);

#endif
