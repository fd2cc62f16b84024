/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_HANDOFF_H
#define RTMEM_COMMON_HANDOFF_H

/*
 * What crosses a process border at launch, in order:
 *
 *   rtmemd --plan (sealed memfd)--> rtmem-exec --RTMEM_INIT (text)--> libinit
 *   rtmemd <------------------ report socket (SOCK_SEQPACKET) ----------------
 *
 * The socket is one pair per launch; rtmem-exec waits on it for HANDOFF_GO (so that fault counters are
 * attached before the program's first instruction), reports a failed step, and passes it on over
 * execve(). libinit sends one struct report and closes it, or keeps it close-on-exec where it must
 * lock again at HANDOFF_LOCK (balanced) or seal at HANDOFF_SEAL. Beside RTMEM_INIT, rtmem-exec leaves the caller's own
 * GLIBC_TUNABLES in RTMEM_TUNABLES (empty: there were none), so that libinit can put them back for the
 * program's children; its own entry in LD_PRELOAD libinit finds by name. Where a program takes no
 * library, a helper of rtmem-exec has the other end instead of libinit, and the program none of this.
 * Everything read from a peer is checked: managed processes are hostile, and so is whoever calls
 * rtmem-exec by hand.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/plan.h"

#define HANDOFF_PLAN_MAX  (4u << 20) /* bytes of an encoded plan; argument lists are the bulk */
#define HANDOFF_STEPS_MAX 65536u
#define HANDOFF_GO	  'G' /* rtmemd -> rtmem-exec: counters are attached, execve */
#define HANDOFF_LOCK	  'L' /* rtmemd -> libinit: the process is ready, lock what exists now */
#define HANDOFF_SEAL	  'S' /* rtmemd -> libinit: the process is ready, deny changes of its map */
#define HANDOFF_REPORT_FD "report" /* key in RTMEM_INIT; value is the descriptor number */

/** Encodes into a malloc'ed block. 0, -E2BIG, -ENOMEM. */
int handoff_encode(const struct plan *p, void **ret_data, size_t *ret_size);
/** Decodes and checks every length and kind. 0, -EBADMSG, -EPROTONOSUPPORT (version), -ENOMEM. */
int handoff_decode(const void *data, size_t size, struct plan *ret);
/** Encodes into a sealed memfd (F_SEAL_*), offset 0. Returns the descriptor, close-on-exec. */
int handoff_write(const struct plan *p);
/** Reads a plan from a descriptor (memfd or regular file). */
int handoff_read(int fd, struct plan *ret);

/* ---- order for libinit: the text of RTMEM_INIT ------------------------------------------------ */

enum init_lock { /* same order as enum lock_mode of libpolicy */
	INIT_LOCK_NONE,
	INIT_LOCK_STRICT,
	INIT_LOCK_BALANCED,
	INIT_LOCK_ONFAULT,
};

enum init_fork { /* same order as enum fork_mode of libpolicy */
	INIT_FORK_ALLOW,
	INIT_FORK_REPORT, /* a REPORT_EVENT for each fork after ready */
	INIT_FORK_PRECOPY, /* the parent's pages are made its own again before fork() returns */
	INIT_FORK_DENY, /* fork() fails with EPERM */
};

enum init_allocator { /* same order as enum heap_allocator of libpolicy */
	INIT_ALLOCATOR_GLIBC,
	INIT_ALLOCATOR_JEMALLOC,
	INIT_ALLOCATOR_MIMALLOC,
};

struct init_order {
	enum init_lock lock;
	uint64_t heap_prealloc_bytes; /* free heap wanted after the lock; 0 = none */
	uint32_t arenas; /* of the allocator, 0 = its own choice */
	enum init_allocator allocator; /* whose malloc must be found in force */
	uint64_t heap_page_bytes; /* page size that the heap must have; 0 = the system's */
	bool heap_page_fallback; /* smaller pages will do if there are too few of them */
	uint64_t host_reserve_bytes; /* what prefaulting leaves available on the machine */
	uint64_t main_stack_bytes; /* grow the main stack by this much; 0 = leave */
	uint64_t thread_stack_bytes; /* default size of new threads' stacks; 0 = leave */
	uint32_t stack_reserve; /* stacks of threads made ahead; 0 = none */
	bool non_dumpable; /* prctl(PR_SET_DUMPABLE, 0) */
	enum init_fork fork;
	bool children; /* programs and processes that it starts get the same order */
	bool seal; /* deny changes of the memory map once ready */
	uint64_t
		settle_usec; /* balanced, seal: without a daemon, ready is once settled; 0 = wait for
					 HANDOFF_LOCK, HANDOFF_SEAL */
	int report_fd; /* -1 = none: failures go to stderr only */
};

#define INIT_ORDER_TEXT_MAX 512
/** "strict" ...; NULL when unknown. */
const char *init_lock_to_string(enum init_lock lock);
const char *init_allocator_to_string(enum init_allocator allocator);
/** "1 lock=strict heap=157286400 ..."; -ENOBUFS if size is too small. No allocation. */
int init_order_format(const struct init_order *o, char *buf, size_t size);
/** Strict inverse, no allocation, usable before main(). -EINVAL, -EPROTONOSUPPORT. */
int init_order_parse(const char *text, struct init_order *ret);

/* ---- report: one fixed-size packet per event, native byte order, same machine ------------------ */

#define REPORT_MAGIC	0x4d54526du /* "mRTM" */
#define REPORT_VERSION	2u
#define REPORT_TEXT_MAX 768

enum report_kind {
	REPORT_EXEC_FAILED = 1, /* rtmem-exec: a step or the execve failed; the process exits */
	REPORT_EXEC_NOTE, /* rtmem-exec: an optional step didn't work, or a value was merged */
	REPORT_INIT, /* libinit: everything asked was done; numbers below */
	REPORT_INIT_FAILED, /* libinit: `strict` closes, the process exits with 125 */
	REPORT_INIT_PARTIAL, /* libinit: not strict: runs on, text says what is missing */
	REPORT_LOCKED, /* libinit: the second lock (balanced) is done, or failed with error */
	REPORT_PROGRESS, /* libinit: a long preparation goes on; text says how far it is */
	REPORT_EVENT, /* libinit: the program did something that endangers the guarantee; step names
			 the call ("fork", "munlockall"), text the thread and the place */
	REPORT_SEALED, /* libinit: the map is sealed, or failed with error */
	REPORT_KIND_MAX,
};

enum report_injection {
	REPORT_BY_PRELOAD, /* libinit */
	REPORT_BY_PTRACE, /* the tracer that prepared the program at its exec stop */
};

struct report {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	int32_t pid;
	int32_t error; /* errno of the failing call, 0 = good */
	uint32_t init_lock; /* enum init_lock in force */
	uint32_t injection; /* enum report_injection: who did what this report tells */
	uint32_t tid; /* thread of a REPORT_EVENT */
	uint32_t arenas; /* arenas of the allocator as set up */
	uint32_t stacks_reserved; /* stacks of threads made ahead */
	uint64_t heap_page_bytes; /* page size of the heap, seen in smaps; 0 = the system's */
	uint64_t heap_bytes; /* free heap proved present and locked after prealloc */
	uint64_t heap_start; /* address range of the main heap */
	uint64_t heap_end;
	uint64_t main_stack_bytes;
	uint64_t thread_stack_bytes;
	uint64_t locked_bytes; /* VmLck after the lock */
	uint64_t size_bytes; /* VmSize after the lock */
	uint64_t unlocked_bytes; /* VmSize - VmLck - HugetlbPages: vdso and vvar if all is locked */
	uint64_t init_usec; /* time spent in libinit */
	uint32_t dumpable; /* prctl(PR_GET_DUMPABLE) afterwards */
	uint32_t thp_disabled; /* prctl(PR_GET_THP_DISABLE) afterwards */
	char step[32]; /* which step: "mlockall", "heap", "scheduler" ... */
	char malloc_owner[96]; /* object that serves malloc: "libc.so.6", "libjemalloc.so.2" */
	char text[REPORT_TEXT_MAX]; /* one or two sentences: cause and remedy; "" if good */
};

void report_init(struct report *r, enum report_kind kind);
/** Sends without blocking and without SIGPIPE. 0 or -errno; fd < 0 is 0. */
int report_send(int fd, const struct report *r);
/** Checks magic, version, kind, size, and terminates every string. 0 or -EBADMSG. */
int report_check(const void *data, size_t size, struct report *ret);

#endif
