/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_PROCESS_H
#define RTMEM_HOST_PROCESS_H

/* Reads /proc of one process, without taking its mmap lock: status, stat, limits, task; never maps
 * or smaps (host/mapping and host/stack do, when there is a reason). */
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define PROCESS_NAME_TEXT_MAX 32

/** Fields of /proc/PID/status; bytes. */
struct process_memory {
	char name
		[PROCESS_NAME_TEXT_MAX]; /* Name: of the first thread; a backslash begins an escape */
	uint64_t size_bytes; /* VmSize */
	uint64_t locked_bytes; /* VmLck */
	uint64_t rss_bytes; /* VmRSS */
	uint64_t swap_bytes; /* VmSwap */
	uint64_t hugetlb_bytes; /* HugetlbPages */
	uint32_t n_threads;
	bool thp_enabled; /* THP_enabled; true when the kernel doesn't say */
	int seccomp; /* 0, 1, 2 */
	uint64_t capabilities_effective;
};

/** /proc/PID/statm: a third of the price of status, and enough to see that something has moved. */
struct process_size {
	uint64_t size_pages;
	uint64_t resident_pages;
	uint64_t shared_pages;
};
int process_size_parse(const char *statm_text, struct process_size *ret);
/** As process_memory_read(). */
int process_size_read(int statm_fd, struct process_size *ret);

/** Parses the text of /proc/PID/status. -EBADMSG without the Vm fields (a zombie, a kernel thread). */
int process_memory_parse(const char *status_text, struct process_memory *ret);
/** status_fd is kept open by the caller: one pread, no allocation. -ESRCH when it's gone. */
int process_memory_read(int status_fd, struct process_memory *ret);

/** minor and major faults of /proc/PID/stat or /proc/PID/task/TID/stat (populated pages count too). */
struct fault_count {
	uint64_t minor;
	uint64_t major;
};
int process_stat_parse(const char *stat_text, struct fault_count *ret, uint64_t *ret_start_ticks);
int process_stat_read(pid_t pid, pid_t tid, struct fault_count *ret, uint64_t *ret_start_ticks);

/** /proc/PID/limits */
int process_limits_read(pid_t pid, struct rlimit ret[static RLIM_NLIMITS]);

/** How many threads it has: cheaper than to visit them. -ESRCH when it's gone. */
int process_count_threads(pid_t pid);
/** Calls fn for each thread; name is /proc/PID/task/TID/comm. Stops at the first non-zero result. */
int process_threads(
	pid_t pid, int (*fn)(pid_t tid, const char *name, void *userdata), void *userdata);

/** Calls fn for each process that one of its threads has made. Stops at the first non-zero result. */
int process_children(pid_t pid, int (*fn)(pid_t child, void *userdata), void *userdata);

#endif
