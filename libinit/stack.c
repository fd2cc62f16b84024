/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks. The main stack grows by faults, and no lock covers what it hasn't grown to: it is grown here,
 * once, to the depth wished for. Only its deepest page is touched; the lock that follows makes the rest
 * present in one go, at half the cost of a fault for each page.
 *
 * Threads' stacks are mapped whole, so under a lock they are present whole: their size is what they
 * cost. The default is set in the C library rather than by RLIMIT_STACK, which would cap the main stack.
 */
#include <alloca.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/units.h"
#include "libinit/init.h"

/* The kernel leaves at least this much below the stack, whatever the limit was at execve(). */
#define STACK_GAP_BYTES (128u << 20)
/* Room for the frames of this library and what signal handlers need. */
#define STACK_SLACK_BYTES (64u << 10)

int thread_stack_set(struct init *i) {
	size_t wanted = (size_t)i->order.thread_stack_bytes;
	pthread_attr_t attr;
	int error;

	error = pthread_getattr_default_np(&attr);
	if (error)
		return init_problem(i, "thread-stack", error, "%s", strerrordesc_np(error));
	if (wanted) {
		error = pthread_attr_setstacksize(&attr, wanted);
		if (!error)
			error = pthread_setattr_default_np(&attr);
	}
	if (!error)
		error = pthread_attr_getstacksize(&attr, &wanted);
	(void)pthread_attr_destroy(&attr);
	if (error)
		return init_problem(i, "thread-stack", error,
			"the C library refuses stacks of %zu bytes for threads (its minimum here is "
			"%ld and the program's thread-local storage): raise memory.stack.threads",
			wanted, sysconf(_SC_THREAD_STACK_MIN));
	i->report.thread_stack_bytes = wanted;
	return 0;
}

/* Bytes between the first byte of the stack (the program's file name lies there) and here. */
static size_t stack_used(const char *here) {
	const char *top = (const char *)getauxval(AT_EXECFN); /* NOLINT: an address by contract */

	return top > here ? (size_t)(top - here) + (size_t)sysconf(_SC_PAGESIZE)
			  : STACK_SLACK_BYTES;
}

static int allow_depth(struct init *i, uint64_t depth) {
	struct rlimit limit;
	char wanted[UNITS_TEXT_MAX], hard[UNITS_TEXT_MAX];

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
		limit.rlim_cur >= depth)
		return 0;
	if (depth > STACK_GAP_BYTES || (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < depth))
		return init_problem(i, "main-stack", ENOMEM,
			"the main stack can't grow to %s: the stack limit is %s: raise limits.stack in "
			"the policy, or lower memory.stack.main",
			format_size_rounded(depth, wanted),
			format_size_rounded(
				limit.rlim_max == RLIM_INFINITY ? limit.rlim_cur : limit.rlim_max,
				hard));
	limit.rlim_cur = (rlim_t)depth;
	if (setrlimit(RLIMIT_STACK, &limit) < 0)
		return init_problem(i, "main-stack", errno, "raising the stack limit: %s",
			strerrordesc_np(errno));
	return 0;
}

/* Touches the last byte of a frame as large as wished; volatile and noinline, so that no optimiser
 * finds the frame useless. */
static __attribute__((noinline)) void touch_deepest(size_t len, uintptr_t *ret_deepest) {
	char *frame = alloca(len);

	*(volatile char *)frame = 0;
	__asm__ volatile("" : : "r"(frame) : "memory");
	/* a number, never followed. NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape) */
	*ret_deepest = (uintptr_t)frame;
}

/* The kernel answers a stack that can't grow with SIGSEGV: ask first. */
static int allow_address_space(struct init *i, size_t len) {
	struct rlimit limit;
	struct proc_status s;

	if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
		proc_status_read(&s) < 0 || s.size_bytes + len <= limit.rlim_cur)
		return 0;
	return init_problem_diagnosed(i, "main-stack", ENOMEM, len);
}

int main_stack_grow(struct init *i) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = (size_t)i->order.main_stack_bytes;
	uintptr_t deepest;
	char here;
	int r;

	if (!len)
		return 0;
	r = allow_depth(i, len + stack_used(&here) + STACK_SLACK_BYTES);
	if (r == 0)
		r = allow_address_space(i, len);
	if (r < 0)
		return r;
	touch_deepest(len, &deepest);
	i->main_stack_low = (char *)(deepest - deepest % page); /* NOLINT: an address */
	i->main_stack_len = len;
	i->report.main_stack_bytes = len;
	return 0;
}
