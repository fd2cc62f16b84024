/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prefault at the speed of the machine. One call populates a piece without a fault for each page; the
 * clearing of pages, which is most of the work, is shared with helper threads on other CPUs.
 *
 * The helpers are made by clone() itself. A thread of the C library would end its single-threaded
 * fast paths in malloc and stdio for good; these aren't known to it, so they call nothing of it: they
 * take pieces, tell the kernel, and end. They run as ordinary threads whatever the program's scheduler
 * is: a prefault has no claim to every CPU of a machine that does real-time work.
 *
 * Between pieces the one thread that may (the caller) looks at the clock, tells how far it is, and
 * checks that the machine still has room.
 */
#include "libinit/prefault.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Bounds how long a thread of the program that maps memory meanwhile waits for the map's lock. Without
 * any, larger pieces save calls: they shrink towards the end, so that all workers end at the same time. */
#define PIECE_BYTES	  ((size_t)2 << 20)
#define PIECE_ALONE_BYTES ((size_t)32 << 20)
/* A helper costs some 50 us to start and end: what populating 160 KiB takes. */
#define HELPER_SHARE_BYTES (2u << 20)
#define HELPERS_MAX	   7u
#define HELPER_STACK_BYTES ((size_t)16 << 10)
#define FIRST_TICK_USEC	   1000000u /* nobody waits for less */
#define TICK_USEC	   500000u

struct job {
	char *start, *end;
	size_t piece, piece_max, page; /* pieces are multiples of the first */
	size_t n_workers;
	_Atomic uintptr_t next; /* where the first piece is that nobody took */
	_Atomic size_t done; /* bytes */
	_Atomic int error; /* negative errno that ended it */
};

struct helper {
	_Atomic uint32_t tid; /* 0 once the thread has left its stack */
};

struct crew {
	struct job *job;
	struct helper helpers[HELPERS_MAX];
	unsigned n;
	char *stacks;
	size_t stacks_len;
};

/* ---- pieces ------------------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define HELPERS_WORK true
/* syscall() would write errno, and helpers have the caller's. */
static long raw_syscall(long number, long a, long b, long c) {
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
#define HELPERS_WORK true
static long raw_syscall(long number, long a, long b, long c) {
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}
#else
#define HELPERS_WORK false
static long raw_syscall(long number, long a, long b, long c) {
	long result = syscall(number, a, b, c);

	return result < 0 ? -errno : result;
}
#endif

static void touch_pages(char *start, size_t len, size_t page) {
	for (size_t at = 0; at < len; at += page) {
		volatile char *p = start + at;

		*p = *p; /* cppcheck-suppress selfAssignment ; volatile: a read and a write */
	}
}

static int populate(const struct job *j, char *start, size_t len) {
	long r;

	do
		r = raw_syscall(SYS_madvise, (long)start, (long)len, MADV_POPULATE_WRITE);
	while (r == -EINTR || r == -EAGAIN);
	if (r == -EINVAL) { /* kernel before 5.14 */
		touch_pages(start, len, j->page);
		r = 0;
	}
	return (int)r;
}

/* Takes the next piece; 0 = none is left. Pieces end at multiples of the smallest, so that no two threads
 * fill the same page table. */
static uintptr_t take_piece(struct job *j, size_t *ret_size) {
	uintptr_t at = j->next;
	size_t size;

	do {
		if (j->error || at >= (uintptr_t)j->end)
			return 0;
		size = ((uintptr_t)j->end - at) / (2 * j->n_workers);
		size -= size % j->piece;
		size = size < j->piece ? j->piece : size > j->piece_max ? j->piece_max : size;
	} while (!atomic_compare_exchange_weak(&j->next, &at, at + size));
	*ret_size = size;
	return at;
}

/* False when there is nothing left to do. */
static bool do_piece(struct job *j) {
	size_t size = 0;
	char *start = (char *)take_piece(j, &size), *end; /* NOLINT: an address */
	int r;

	if (!start)
		return false;
	end = (size_t)(j->end - start) > size ? start + size : j->end;
	if (start < j->start)
		start = j->start;
	r = populate(j, start, (size_t)(end - start));
	if (r < 0)
		j->error = r;
	else
		atomic_fetch_add(&j->done, (size_t)(end - start));
	return r == 0;
}

/* ---- helpers ----------------------------------------------------------------------------------- */

static int helper_main(void *userdata) {
	const struct sched_param ordinary = { 0 };

	(void)raw_syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, (long)&ordinary);
	while (do_piece(userdata))
		;
	return 0;
}

static unsigned helpers_wanted(const struct job *j) {
	size_t shares = (size_t)(j->end - j->start) / HELPER_SHARE_BYTES, cpus;
	cpu_set_t set;

	if (!HELPERS_WORK || sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	cpus = (size_t)CPU_COUNT(&set);
	if (cpus > shares)
		cpus = shares;
	return cpus <= 1 ? 0 : cpus - 1 > HELPERS_MAX ? HELPERS_MAX : (unsigned)cpus - 1;
}

static bool start_helper(struct crew *c) {
	struct helper *h = &c->helpers[c->n];
	char *top = c->stacks + (c->n + 1) * HELPER_STACK_BYTES;
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	if (clone(helper_main, top, flags, c->job, &h->tid, NULL, &h->tid) < 0)
		return false; /* a limit or a filter: the caller does it all */
	c->n++;
	return true;
}

static void start_helpers(struct crew *c, unsigned wanted) {
	sigset_t all, old;

	if (!wanted)
		return;
	c->stacks_len = wanted * HELPER_STACK_BYTES;
	c->stacks = mmap(NULL, c->stacks_len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (c->stacks == MAP_FAILED)
		return;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old); /* signals are the program's own threads' */
	while (c->n < wanted && start_helper(c))
		;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static void await_helpers(struct crew *c) {
	for (unsigned n = 0; n < c->n; n++) {
		uint32_t tid;

		while ((tid = c->helpers[n].tid) != 0)
			(void)syscall(SYS_futex, &c->helpers[n].tid, FUTEX_WAIT, tid, NULL);
	}
	if (c->stacks && c->stacks != MAP_FAILED)
		(void)munmap(c->stacks, c->stacks_len);
}

/* ---- how far, and whether there is room -------------------------------------------------------- */

static int judge_room(struct init *i, struct diagnose_facts *facts, uint64_t bytes) {
	char why[REPORT_TEXT_MAX - 64];

	facts->needed_bytes = bytes;
	facts->reserve_bytes = i->order.host_reserve_bytes;
	if (!diagnose(facts, why, sizeof(why)))
		return 0;
	return init_problem(i, "heap", ENOMEM, "%s", why);
}

int prefault_check_room(struct init *i, uint64_t bytes) {
	struct diagnose_facts facts;
	char path[512];

	proc_facts(&facts, path, sizeof(path));
	facts.populates_only = i->order.lock == INIT_LOCK_NONE;
	return judge_room(i, &facts, bytes);
}

/* What is left to do is mapped, and charged to the limits of the process: only pages are lacking. */
static int check_room_left(struct init *i, uint64_t bytes) {
	struct diagnose_facts facts;
	char path[512];

	proc_facts(&facts, path, sizeof(path));
	facts.populates_only = true;
	facts.data_soft = facts.address_space_soft = BYTES_UNLIMITED;
	facts.overcommit = 0;
	return judge_room(i, &facts, bytes);
}

/* To the daemon, or to whoever sits at the terminal. */
static void tell_progress(const struct init *i, uint64_t done) {
	uint64_t total = i->order.heap_prealloc_bytes;
	char size[UNITS_TEXT_MAX], text[64];
	struct report r;

	if (done > total || !total)
		total = done;
	(void)snprintf(text, sizeof(text), "%u %% of %s", (unsigned)(done / (total / 100 + 1)),
		format_size_rounded(total, size));
	report_init(&r, REPORT_PROGRESS);
	r.init_lock = i->order.lock;
	r.heap_bytes = done;
	r.init_usec = now_usec() - i->started_usec;
	(void)snprintf(r.step, sizeof(r.step), "heap");
	(void)snprintf(r.text, sizeof(r.text), "prefault %s", text);
	if (i->order.report_fd < 0 || report_send(i->order.report_fd, &r) < 0)
		init_say(i, "", "prefault", text);
}

static int tick(struct init *i, const struct job *j, bool may_stop) {
	size_t done = j->done;

	tell_progress(i, i->prefaulted_bytes + done);
	return may_stop ? check_room_left(i, (size_t)(j->end - j->start) - done) : 0;
}

/* What the control group and MemAvailable say isn't about huge pages, which are set aside already. */
static int work(struct init *i, struct job *j, bool may_stop) {
	while (do_piece(j)) {
		uint64_t now = now_usec();

		if (now < (i->told_usec ? i->told_usec + TICK_USEC
					: i->started_usec + FIRST_TICK_USEC))
			continue;
		if (tick(i, j, may_stop) < 0)
			j->error = -ENOMEM;
		i->told_usec = now;
	}
	return j->error;
}

/* Threads of the program may be there before it runs: libraries start some. */
static bool is_alone(void) {
	struct proc_status s;

	return proc_status_read(&s) == 0 && s.n_threads == 1;
}

static void plan_pieces(struct job *j, unsigned helpers) {
	size_t largest = (size_t)(j->end - j->start) > PIECE_ALONE_BYTES && is_alone()
		? PIECE_ALONE_BYTES
		: PIECE_BYTES;

	j->n_workers = helpers + 1;
	j->piece = j->page > PIECE_BYTES ? j->page : PIECE_BYTES;
	j->piece_max = largest > j->piece ? largest : j->piece;
	j->next = (uintptr_t)j->start - (uintptr_t)j->start % j->piece;
}

int prefault_range(struct init *i, char *start, size_t len, size_t page_bytes) {
	size_t page = page_bytes ? page_bytes : (size_t)sysconf(_SC_PAGESIZE);
	char *first = start + (page - (uintptr_t)start % page) % page;
	char *end = start + len - (uintptr_t)(start + len) % page;
	struct job job = { .start = first, .end = end, .page = page };
	struct crew crew = { .job = &job };
	unsigned helpers;
	int r;

	if (end <= first)
		return 0;
	helpers = helpers_wanted(&job);
	plan_pieces(&job, helpers);
	start_helpers(&crew, helpers);
	r = work(i, &job, page_bytes == 0);
	await_helpers(&crew);
	i->prefaulted_bytes += job.done;
	return r < 0 ? r : job.error;
}

int prefault_and_lock(struct init *i, char *start, size_t len) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *first = start + (page - (uintptr_t)start % page) % page;
	char *end = start + len - (uintptr_t)(start + len) % page;

	if (end <= first)
		return 0;
	/* locked as they come: no second walk over the pages */
	if (i->order.lock != INIT_LOCK_NONE &&
		mlock2(first, (size_t)(end - first), MLOCK_ONFAULT) < 0)
		return -errno;
	return prefault_range(i, first, (size_t)(end - first), 0);
}
