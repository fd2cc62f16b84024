/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that the program starts. Only a full lock makes their stacks present when they are mapped; in
 * the other modes each thread does it itself, whole, before it runs the program's function. So no
 * thread faults on its stack once it runs, whatever its size and whenever it was created.
 *
 * What is asked of the new thread is put into a slot of a fixed table: neither the creator nor the
 * thread allocates or waits for the other. The C library keeps a thread's descriptor at the top of the
 * stack that it maps, so the range is known without asking it (which would allocate).
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "libinit/guard.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PIECE_PAGES 512u
#define SLOTS_MAX   128u /* threads created and not yet running; any more are allocated */

union function {
	void *(*posix)(void *);
	int (*c11)(void *);
};

struct start {
	union function function;
	void *argument;
	char *stack; /* the program's own block; NULL: the C library maps one */
	size_t stack_bytes;
	const void *site; /* who creates it */
	atomic_bool taken;
	bool allocated;
};

static struct start slots[SLOTS_MAX];
static atomic_uint last_slot;
static atomic_bool pages_are_shared; /* by a fork: present isn't enough */

static struct start *slot_take(void) {
	unsigned first = atomic_fetch_add_explicit(&last_slot, 1, memory_order_relaxed);
	struct start *s;

	for (unsigned n = 0; n < SLOTS_MAX; n++) {
		s = &slots[(first + n) % SLOTS_MAX];
		if (!atomic_exchange_explicit(&s->taken, true, memory_order_acquire))
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (s)
		s->allocated = true;
	return s;
}

static void slot_give(struct start *s) {
	if (s->allocated)
		free(s);
	else
		atomic_store_explicit(&s->taken, false, memory_order_release);
}

void thread_pages_shared(void) {
	atomic_store_explicit(&pages_are_shared, true, memory_order_relaxed);
}

void thread_forget(void) {
	for (unsigned n = 0; n < SLOTS_MAX; n++)
		atomic_store_explicit(&slots[n].taken, false, memory_order_relaxed);
}

/* ---- in the new thread ------------------------------------------------------------------------- */

/* A stack that was used before has its pages: asking costs a tenth of populating them again. After a
 * fork they are there and copy-on-write. */
static bool is_present(char *low, size_t len, size_t page) {
	unsigned char present[PIECE_PAGES];

	if (atomic_load_explicit(&pages_are_shared, memory_order_relaxed))
		return false;
	for (size_t at = 0; at < len; at += PIECE_PAGES * page) {
		size_t n = (len - at) / page < PIECE_PAGES ? (len - at) / page : PIECE_PAGES;

		if (mincore(low + at, n * page, present) < 0)
			return false;
		for (size_t p = 0; p < n; p++)
			if (!(present[p] & 1))
				return false;
	}
	return true;
}

/* Populating checks the whole range before a lock would leave its mark on a part of it. */
static int populate(const struct init *i, char *low, const char *end) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len;

	low -= (uintptr_t)low % page;
	len = (size_t)(end - low) + (page - (uintptr_t)end % page) % page;
	if (!is_present(low, len, page) && madvise(low, len, MADV_POPULATE_WRITE) < 0)
		return -errno;
	return i->order.lock == INIT_LOCK_BALANCED && mlock(low, len) < 0 ? -errno : 0;
}

/* Kernels before 5.14 don't populate on demand. Up to the caller's own frame, which is in the same
 * mapping. */
static __attribute__((noinline)) int touch(const struct init *i, char *low, const char *here) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	low += (page - (uintptr_t)low % page) % page;
	for (char *at = low; at < here; at += page) {
		volatile char *p = at;

		*p = *p; /* cppcheck-suppress selfAssignment ; volatile: a read and a write */
	}
	if (low >= here || i->order.lock != INIT_LOCK_BALANCED)
		return 0;
	return mlock(low, (size_t)(here - low)) < 0 ? -errno : 0;
}

/* Where the mapping that holds this address begins. */
static char *mapping_start(const char *address) {
	struct mapping found;
	char *start = NULL;
	struct maps m;

	if (maps_open(&m) < 0)
		return NULL;
	if (maps_find(&m, (uintptr_t)address, &found) && found.start <= (uintptr_t)address)
		start = (char *)found.start; /* NOLINT: an address */
	maps_close(&m);
	return start;
}

/* The range isn't all memory (a guard lies in it, as the descriptor lay deeper or the program made one),
 * or the kernel is an old one. */
static int populate_mapping(const struct init *i, char **low, const char *end) {
	char here, *start = mapping_start(&here);
	int r;

	if (!start)
		return -EFAULT;
	*low = start > *low ? start : *low;
	r = populate(i, *low, end);
	return r == -EINVAL ? touch(i, *low, &here) : r;
}

int thread_stack_prepare(const struct init *i, char *low, size_t size, char **ret_low) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *end = low ? low + size
			: (char *)pthread_self() + 1; /* NOLINT: glibc's is an address */
	int r;

	if (!low) {
		end += (page - (uintptr_t)end % page) % page;
		low = end - size;
	}
	r = populate(i, low, end);
	if (r == -EINVAL || r == -EFAULT || r == -ENOMEM)
		r = populate_mapping(i, &low, end);
	if (ret_low)
		*ret_low = low;
	return r;
}

static __attribute__((noinline)) void thread_prepare(const struct start *s) {
	const struct init *i = guard_of_memory();
	int state, r;

	if (!i || !s->stack_bytes)
		return;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = thread_stack_prepare(i, s->stack, s->stack_bytes, NULL);
	if (r < 0)
		event_send(i, "thread-stack", -r, s->site,
			"the stack of the thread that is created here (%zu bytes) can't be made %s: "
			"%s; smaller stacks: memory.stack.threads; a larger limit: limits.memlock",
			s->stack_bytes,
			i->order.lock == INIT_LOCK_BALANCED ? "present and locked" : "present",
			strerrordesc_np(-r));
	(void)pthread_setcancelstate(state, NULL);
}

static union function begin(void *userdata, void **ret_argument) {
	struct start *s = userdata;
	struct start copy = { .function = s->function,
		.argument = s->argument,
		.stack = s->stack,
		.stack_bytes = s->stack_bytes,
		.site = s->site };
	int saved_errno = errno;

	slot_give(s);
	thread_prepare(&copy);
	errno = saved_errno;
	*ret_argument = copy.argument;
	return copy.function;
}

static void *posix_main(void *userdata) {
	void *argument;
	union function f = begin(userdata, &argument);

	return f.posix(argument);
}

static int c11_main(void *userdata) {
	void *argument;
	union function f = begin(userdata, &argument);

	return f.c11(argument);
}

/* ---- in the creator ---------------------------------------------------------------------------- */

/* A full lock does it by itself; without a lock nothing keeps what was made present. */
static const struct init *wants_stacks(void) {
	const struct init *i = guard_in_force();

	return i && (i->order.lock == INIT_LOCK_BALANCED || i->order.lock == INIT_LOCK_ONFAULT)
		? i
		: NULL;
}

/* The size that the attributes give; an address that was never set makes block and size cancel out. */
static void read_attributes(const pthread_attr_t *attr, struct start *s) {
	pthread_attr_t standard;
	void *block = NULL;
	size_t size = 0;

	s->stack = NULL;
	s->stack_bytes = 0;
	if (!attr && pthread_attr_init(&standard) == 0) {
		(void)pthread_attr_getstacksize(&standard, &s->stack_bytes);
		(void)pthread_attr_destroy(&standard);
	} else if (attr) {
		(void)pthread_attr_getstacksize(attr, &s->stack_bytes);
		if (pthread_attr_getstack(attr, &block, &size) == 0 && (uintptr_t)block + size != 0)
			s->stack = block;
	}
}

static struct start *prepare_start(
	const pthread_attr_t *attr, union function f, void *argument, const void *site) {
	struct start *s = slot_take();

	if (!s)
		return NULL;
	s->function = f;
	s->argument = argument;
	s->site = site;
	read_attributes(attr, s);
	return s;
}

WRAPPER int pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*function)(void *), void *argument) {
	__typeof__(&pthread_create) next = NEXT(NEXT_PTHREAD_CREATE, pthread_create);
	struct start *s;
	int error;

	if (!next)
		return ENOSYS;
	if (!wants_stacks())
		return next(thread, attr, function, argument);
	s = prepare_start(attr, (union function){ .posix = function }, argument, CALL_SITE());
	if (!s)
		return EAGAIN;
	error = next(thread, attr, posix_main, s);
	if (error)
		slot_give(s);
	return error;
}

WRAPPER int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
	__typeof__(&thrd_create) next = NEXT(NEXT_THRD_CREATE, thrd_create);
	struct start *s;
	int result;

	if (!next)
		return thrd_error;
	if (!wants_stacks())
		return next(thread, function, argument);
	s = prepare_start(NULL, (union function){ .c11 = function }, argument, CALL_SITE());
	if (!s)
		return thrd_nomem;
	result = next(thread, c11_main, s);
	if (result != thrd_success)
		slot_give(s);
	return result;
}
