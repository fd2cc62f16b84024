/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes memory present before it is needed, and keeps it there. The kernel populates (MADV_POPULATE_WRITE
 * keeps contents and needs no signal handler), piece by piece: for the time of one call, threads that map
 * memory wait. Then mlock(), which finds all pages present.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "librtmem/internal.h"

#define PIECE_BYTES ((size_t)2 << 20)
/* Left unused below the depth asked for: signal frames, and the frames between caller and kernel. */
#define STACK_SLACK_BYTES ((size_t)16 << 10)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

size_t page_bytes(void) {
	static size_t cached; /* any thread may be the first */
	size_t bytes = __atomic_load_n(&cached, __ATOMIC_RELAXED);

	if (!bytes) {
		bytes = (size_t)sysconf(_SC_PAGESIZE);
		__atomic_store_n(&cached, bytes, __ATOMIC_RELAXED);
	}
	return bytes;
}

size_t round_to_pages(size_t bytes) {
	size_t page = page_bytes();

	return bytes > SIZE_MAX - (page - 1) ? 0 : (bytes + page - 1) & ~(page - 1);
}

char *map_guarded(size_t guard_bytes, size_t bytes) {
	char *all = mmap(NULL, guard_bytes + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	if (mprotect(all + guard_bytes, bytes, PROT_READ | PROT_WRITE) == 0)
		return all + guard_bytes;
	unmap_guarded(all + guard_bytes, guard_bytes, bytes);
	errno = ENOMEM;
	return NULL;
}

void unmap_guarded(char *start, size_t guard_bytes, size_t bytes) {
	(void)munmap(start - guard_bytes, guard_bytes + bytes);
}

/* Before Linux 5.14 the advice is unknown, which looks like memory that can't be written. */
static bool try_populate(void) {
	char *page = mmap(
		NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool works;

	if (page == MAP_FAILED)
		return true;
	works = madvise(page, page_bytes(), MADV_POPULATE_WRITE) == 0;
	(void)munmap(page, page_bytes());
	return works;
}

static bool kernel_populates(void) {
	static int cached; /* 1 yes, -1 no */
	int answer = __atomic_load_n(&cached, __ATOMIC_RELAXED);

	if (!answer) {
		answer = try_populate() ? 1 : -1;
		__atomic_store_n(&cached, answer, __ATOMIC_RELAXED);
	}
	return answer > 0;
}

static int advise(char *start, size_t len, int advice) {
	int r;

	do
		r = madvise(start, len, advice);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r < 0 ? -errno : 0;
}

/* Memory that can only be read is there to be read. */
static int populate_piece(char *start, size_t len) {
	int r = advise(start, len, MADV_POPULATE_WRITE);

	return r == -EINVAL && kernel_populates() ? advise(start, len, MADV_POPULATE_READ) : r;
}

/* mlock() populates too; on an old kernel without the right to lock, nothing else is safe to do. */
static int piece(char *start, size_t len, bool *ret_locked) {
	int r = populate_piece(start, len);

	if (r < 0 && kernel_populates())
		return r;
	*ret_locked = mlock(start, len) == 0;
	return *ret_locked || r == 0 ? 0 : -errno;
}

int rtmem_prefault(void *start, size_t len) {
	size_t page = page_bytes();
	uintptr_t at = (uintptr_t)start & ~(page - 1), end;
	bool all_locked = true, locked;

	if (!len)
		return RTMEM_LOCKED;
	if (__builtin_add_overflow((uintptr_t)start, len, &end) || end > UINTPTR_MAX - (page - 1))
		return -EINVAL;
	end = (end + page - 1) & ~(page - 1);
	while (at < end) {
		/* to a multiple of the size: a huge page isn't divided */
		uintptr_t next = (at | (PIECE_BYTES - 1)) + 1;
		int r;

		if (next > end || next < at)
			next = end;
		r = piece((char *)at, next - at, &locked); /* NOLINT: an address */
		if (r < 0)
			return r;
		all_locked = all_locked && locked;
		at = next;
	}
	return all_locked ? RTMEM_LOCKED : RTMEM_PRESENT;
}

/* ---- stacks ------------------------------------------------------------------------------------ */

/* The lowest address that this thread's stack can ever reach. */
static int stack_low(uintptr_t *ret) {
	pthread_attr_t attr;
	size_t size;
	void *low;
	int error = pthread_getattr_np(pthread_self(), &attr);

	if (error)
		return -error;
	error = pthread_attr_getstack(&attr, &low, &size);
	(void)pthread_attr_destroy(&attr);
	*ret = (uintptr_t)low;
	return -error;
}

/* A main stack grows when it's written to. If it can't, the kernel answers a write of its own with
 * EFAULT, where the program's would end with SIGSEGV. */
static int grow_to(uintptr_t address) {
	if (syscall(SYS_clock_getres, CLOCK_MONOTONIC, address) < 0)
		return errno == EFAULT ? -ENOMEM : -errno;
	return 0;
}

int rtmem_prefault_stack(size_t bytes) {
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), low = 0, deepest;
	int r = stack_low(&low);

	if (r < 0)
		return r;
	if (here <= low + STACK_SLACK_BYTES || bytes > here - low - STACK_SLACK_BYTES)
		return -ENOMEM;
	/* below what this function itself uses */
	deepest = (here - bytes - page_bytes()) & ~(page_bytes() - 1);
	r = grow_to(deepest);
	if (r < 0)
		return r;
	return rtmem_prefault((void *)deepest, here - deepest); /* NOLINT: an address */
}
