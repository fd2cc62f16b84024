/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_H
#define RTMEM_H

/*
 * librtmem: for real-time programs that are willing to help. A policy of rtmem protects a program as it
 * is; with this library the program itself says when it is ready, prepares its buffers, stacks and
 * threads, allocates in constant time, and watches its time-critical sections for page faults.
 *
 * Nothing here needs rtmemd or another manager: without them everything works, and nobody is told.
 *
 *   - Functions that can fail return a negative errno. Nothing is printed, nothing exits.
 *   - What makes memory present returns RTMEM_LOCKED, or RTMEM_PRESENT where this process has no right
 *     to lock as much (see mlock(2)): good enough to develop with, not to rely on.
 *   - "In a section" marks what may be called from time-critical code: no system call, no allocation and
 *     no page fault once the calling thread is prepared, except where it says so. All the rest belongs
 *     into the preparation.
 *   - All functions may be called from any thread, and none from a signal handler.
 *
 * See rtmem(3). Build with: cc program.c $(pkg-config --cflags --libs rtmem)
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTMEM_PRESENT 0 /**< in memory now; the kernel may take it away again */
#define RTMEM_LOCKED  1 /**< in memory now and for good */

/* ---- ready ------------------------------------------------------------------------------------- */

/**
 * Tells the manager (rtmemd, systemd, or another with the sd_notify protocol) that the program is ready:
 * from now on it takes no page fault. Starts the counts of rtmem_faults() over, in every thread that
 * has some. status is a line for people, or NULL.
 * 1: told. 0: there's nobody to tell (no NOTIFY_SOCKET). Negative: it couldn't be told.
 */
int rtmem_ready(const char *status);

/** Tells the manager a line for people, at any time. Returns as rtmem_ready(). */
int rtmem_status(const char *text);

/**
 * Tells a manager that watches over it (`watchdog:` of the policy, WatchdogSec= of systemd) that the program
 * lives. A few system calls, but it never waits: a loop calls it between two cycles, at least twice within
 * the time that it has. Returns as rtmem_ready(); -EAGAIN when the manager doesn't read.
 */
int rtmem_alive(void);

/**
 * Waits until this process stands still: its number of threads, its size and its page faults haven't
 * changed for still_usec. For programs whose middleware starts threads at its own time: call it before
 * rtmem_ready(). timeout_usec 0 waits for ever.
 * 0, -EINVAL (still_usec is 0), -ETIMEDOUT, or why /proc can't be read.
 */
int rtmem_settle(uint64_t still_usec, uint64_t timeout_usec);

/* ---- memory ------------------------------------------------------------------------------------ */

/**
 * Makes the pages of a range present and locks them. Works through the range in pieces of at most 2 MiB,
 * so that threads that map memory meanwhile wait no longer than for one of them. Contents are kept.
 * RTMEM_LOCKED, RTMEM_PRESENT, -ENOMEM (a part isn't mapped, or memory is short), -EINVAL (device memory,
 * or the range wraps around), -EFAULT (beyond the end of the file).
 */
int rtmem_prefault(void *start, size_t len);

/**
 * Makes the calling thread's stack present, and locked, to this depth below the caller. The main stack
 * is grown to that depth.
 * RTMEM_LOCKED, RTMEM_PRESENT, -ENOMEM (the stack can't be that deep: see RLIMIT_STACK).
 */
int rtmem_prefault_stack(size_t bytes);

/* ---- threads ----------------------------------------------------------------------------------- */

/** How a thread shall be. Zero everything (RTMEM_THREAD_ATTRIBUTES), then set what matters. */
struct rtmem_thread_attributes {
	const char *name; /**< at most 15 bytes; NULL: the name of the creator */
	size_t stack_bytes; /**< 0: 256 KiB; rounded up to pages */
	size_t guard_bytes; /**< below the stack, inaccessible; 0: one page */
	int policy; /**< SCHED_OTHER (0), SCHED_FIFO, SCHED_RR ...; never the creator's */
	int priority; /**< 1 to 99 with SCHED_FIFO and SCHED_RR, else 0 */
	const void *cpus; /**< a cpu_set_t; NULL: the CPUs of the creator */
	size_t cpus_bytes; /**< size of *cpus: sizeof(cpu_set_t) or CPU_ALLOC_SIZE() */
	unsigned flags; /**< RTMEM_THREAD_KEEP_SIGNALS, or 0 */
	unsigned reserved[7]; /**< 0 */
};
#ifdef __cplusplus
#define RTMEM_THREAD_ATTRIBUTES   \
	rtmem_thread_attributes { \
	}
#else
#define RTMEM_THREAD_ATTRIBUTES \
	{ 0 }
#endif

/** The signal mask is the creator's. Otherwise all signals are blocked but those of faulty instructions,
 *  so that no handler runs on the stack and in the time of this thread. */
#define RTMEM_THREAD_KEEP_SIGNALS 1u

struct rtmem_thread;

/**
 * Starts a thread on a stack of its own: present and locked before the thread runs, with a guard below.
 * The thread is prepared for sections. attributes NULL: an ordinary thread with a stack of 256 KiB.
 * RTMEM_LOCKED, RTMEM_PRESENT, -EPERM (no right to this policy or priority: RLIMIT_RTPRIO,
 * CAP_SYS_NICE), -EINVAL (attributes), -ENOMEM, -EAGAIN (too many threads).
 */
int rtmem_thread_create(struct rtmem_thread **ret, const struct rtmem_thread_attributes *attributes,
	void *(*start)(void *), void *arg);

/** Waits for the thread's end, and frees its stack. Must be called once for each thread.
 *  0, -EDEADLK (the calling thread itself). */
int rtmem_thread_join(struct rtmem_thread *thread, void **ret_value);

/** For functions of pthread.h; don't join or detach it. */
pthread_t rtmem_thread_handle(const struct rtmem_thread *thread);

/* ---- pool -------------------------------------------------------------------------------------- */

/** Blocks of one size, all of them made, present and locked at the start. */
struct rtmem_pool;

struct rtmem_pool_statistics {
	size_t block_bytes; /**< usable bytes of each block */
	size_t n_blocks;
	size_t n_used; /**< now */
	size_t n_used_most; /**< ever */
	uint64_t n_exhausted; /**< times that rtmem_pool_get() had none left */
	uint64_t n_refused; /**< times that rtmem_pool_put() refused a pointer */
	int locked; /**< RTMEM_LOCKED or RTMEM_PRESENT */
};

/**
 * Makes a pool. alignment_bytes is a power of two up to 4096, or 0 for that of malloc().
 * RTMEM_LOCKED, RTMEM_PRESENT, -EINVAL, -EOVERFLOW, -ENOMEM, -ENOTSUP (the C library or kernel has no
 * priority inheritance).
 */
int rtmem_pool_new(
	struct rtmem_pool **ret, size_t block_bytes, size_t n_blocks, size_t alignment_bytes);

/** Frees a pool with all of its blocks; NULL is allowed. Returns NULL. */
struct rtmem_pool *rtmem_pool_free(struct rtmem_pool *pool);

/**
 * Takes a block; its contents are undefined. NULL when none is left, which is counted. In a section:
 * constant time, under a mutex with priority inheritance, which costs a system call only when two threads
 * meet.
 */
void *rtmem_pool_get(struct rtmem_pool *pool);

/**
 * Gives a block back; NULL is allowed. In a section, as rtmem_pool_get().
 * 0, -EINVAL (not a block of this pool), -EALREADY (it has been given back before); what's refused
 * is counted, and changes nothing.
 */
int rtmem_pool_put(struct rtmem_pool *pool, void *block);

/** In a section, as rtmem_pool_get(). */
void rtmem_pool_inspect(struct rtmem_pool *pool, struct rtmem_pool_statistics *ret);

/* ---- page faults ------------------------------------------------------------------------------- */

enum rtmem_fault_source {
	RTMEM_FAULTS_UNKNOWN, /**< nothing is counted */
	RTMEM_FAULTS_USAGE, /**< getrusage(2): pages made present ahead count as well */
	RTMEM_FAULTS_USER, /**< perf_event_open(2), without the faults of system calls */
	RTMEM_FAULTS_ALL, /**< perf_event_open(2): the truth */
};

struct rtmem_fault_count {
	uint64_t minor;
	uint64_t major; /**< had to wait for a disk */
	int source; /**< enum rtmem_fault_source */
	int reserved;
};

/**
 * Prepares the calling thread for rtmem_faults() and sections: its counter and the way to the daemon
 * are opened. rtmem_thread_create() and rtmem_ready() do it for their threads; in others, the first use
 * does, which costs some system calls and page faults.
 * 0 or negative: nothing can be counted.
 */
int rtmem_prepare(void);

/**
 * Page faults of the calling thread since rtmem_ready(), or since it was prepared if that was later.
 * In a section: a read of memory as long as there was no fault. One system call where all memory that is
 * mapped later is locked too (`strict`, `onfault`), which doesn't suit the counter's page, and with
 * RTMEM_FAULTS_USAGE.
 * 0 or negative: nothing can be counted.
 */
int rtmem_faults(struct rtmem_fault_count *ret);

/* ---- sections ---------------------------------------------------------------------------------- */

/** A stretch of time-critical code; use RTMEM_SECTION() or the functions. Sections may be nested. */
struct rtmem_section {
	const char *name;
	struct rtmem_fault_count faults; /**< after the end: of the calling thread, inside */
	uint64_t reserved[2];
};

/**
 * Begins a section. name must live until the end; the daemon is told its first 63 bytes. Costs what
 * rtmem_faults() does.
 * 0 or negative: faults can't be counted; the section may be ended all the same.
 */
int rtmem_section_begin(struct rtmem_section *section, const char *name);

/**
 * Ends a section, in the thread that began it. If there was a page fault inside, the daemon is told
 * without waiting, at most ten times a second by each thread; what wasn't told is added to what is.
 * 0: no fault. 1: there were some, see section->faults. Negative: they can't be counted.
 */
int rtmem_section_end(struct rtmem_section *section);

static inline struct rtmem_section rtmem_section_begin_(const char *name) {
	struct rtmem_section section;

	(void)rtmem_section_begin(&section, name);
	return section;
}

static inline void rtmem_section_end_(struct rtmem_section *section) {
	(void)rtmem_section_end(section);
}

#define RTMEM_JOIN__(a, b) a##b
#define RTMEM_JOIN_(a, b)  RTMEM_JOIN__(a, b)

/** From here to the end of the block is a section, however the block is left. */
#define RTMEM_SECTION(section_name)                                                \
	struct rtmem_section RTMEM_JOIN_(rtmem_section_, __LINE__) __attribute__(( \
		cleanup(rtmem_section_end_), unused)) = rtmem_section_begin_(section_name)

#ifdef __cplusplus
}
#endif

#endif
