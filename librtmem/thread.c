/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that finds its stack present: mapped, populated and locked before the thread exists, so that
 * neither it nor its creator pays later. Policy, priority and CPUs are what the attributes say, never what
 * the creator happens to have.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "librtmem/internal.h"

#define STACK_DEFAULT_BYTES ((size_t)256 << 10)
#define NAME_MAX_BYTES	    16 /* with the terminator, as the kernel keeps it */

struct rtmem_thread {
	pthread_t handle;
	char *stack;
	size_t stack_bytes, guard_bytes;
	void *(*start)(void *);
	void *arg;
	char name[NAME_MAX_BYTES];
};

static struct rtmem_thread *thread_free(struct rtmem_thread *t) {
	if (t && t->stack)
		unmap_guarded(t->stack, t->guard_bytes, t->stack_bytes);
	free(t);
	return NULL;
}

DEFINE_CLEANUP(struct rtmem_thread *, thread_free)

static int check(const struct rtmem_thread_attributes *a) {
	for (size_t i = 0; i < sizeof(a->reserved) / sizeof(a->reserved[0]); i++)
		if (a->reserved[i])
			return -EINVAL;
	if ((a->flags & ~RTMEM_THREAD_KEEP_SIGNALS) || (a->cpus && !a->cpus_bytes))
		return -EINVAL;
	return a->name && strlen(a->name) >= NAME_MAX_BYTES ? -EINVAL : 0;
}

/* What a faulty instruction raises can't be blocked anyway. */
static void block_all_but_faults(sigset_t *ret) {
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };

	sigfillset(ret);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigdelset(ret, faults[i]);
}

static int make_stack(struct rtmem_thread *t, const struct rtmem_thread_attributes *a) {
	size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
	size_t wanted = a->stack_bytes ? a->stack_bytes : STACK_DEFAULT_BYTES;

	t->stack_bytes = round_to_pages(wanted < least ? least : wanted);
	t->guard_bytes = round_to_pages(a->guard_bytes ? a->guard_bytes : 1);
	if (!t->stack_bytes || !t->guard_bytes || t->stack_bytes > SIZE_MAX - t->guard_bytes)
		return -EINVAL;
	t->stack = map_guarded(t->guard_bytes, t->stack_bytes);
	if (!t->stack)
		return -errno;
	return rtmem_prefault(t->stack, t->stack_bytes);
}

static int fill_attr(
	pthread_attr_t *attr, struct rtmem_thread *t, const struct rtmem_thread_attributes *a) {
	const struct sched_param param = { .sched_priority = a->priority };
	int error = pthread_attr_setstack(attr, t->stack, t->stack_bytes);

	if (!error)
		error = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	if (!error)
		error = pthread_attr_setschedpolicy(attr, a->policy);
	if (!error)
		error = pthread_attr_setschedparam(attr, &param);
	if (!error && a->cpus)
		error = pthread_attr_setaffinity_np(attr, a->cpus_bytes, a->cpus);
	return -error;
}

static void *thread_main(void *userdata) {
	struct rtmem_thread *t = userdata;

	if (t->name[0])
		(void)prctl(PR_SET_NAME, t->name, 0, 0, 0);
	(void)rtmem_prepare();
	return t->start(t->arg);
}

/* A thread begins with the mask of its creator: no handler runs in it, not even at its start. */
static int launch(struct rtmem_thread *t, const struct rtmem_thread_attributes *a) {
	pthread_attr_t attr;
	sigset_t blocked, old;
	int error = pthread_attr_init(&attr), r;

	if (error)
		return -error;
	r = fill_attr(&attr, t, a);
	if (r == 0) {
		if (a->flags & RTMEM_THREAD_KEEP_SIGNALS)
			sigemptyset(&blocked);
		else
			block_all_but_faults(&blocked);
		(void)pthread_sigmask(SIG_BLOCK, &blocked, &old);
		r = -pthread_create(&t->handle, &attr, thread_main, t);
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return r;
}

int rtmem_thread_create(struct rtmem_thread **ret, const struct rtmem_thread_attributes *attributes,
	void *(*start)(void *), void *arg) {
	static const struct rtmem_thread_attributes ordinary = { .name = NULL };
	const struct rtmem_thread_attributes *a = attributes ? attributes : &ordinary;
	CLEANUP(thread_free_cleanup) struct rtmem_thread *t = NULL;
	int r = start ? check(a) : -EINVAL, locked;

	if (r < 0)
		return r;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->start = start;
	t->arg = arg;
	if (a->name)
		memcpy(t->name, a->name, strlen(a->name));
	locked = make_stack(t, a);
	if (locked < 0)
		return locked;
	r = launch(t, a);
	if (r < 0)
		return r;
	*ret = TAKE(t);
	return locked;
}

int rtmem_thread_join(struct rtmem_thread *t, void **ret_value) {
	int error = pthread_join(t->handle, ret_value);

	if (error)
		return -error;
	thread_free(t);
	return 0;
}

pthread_t rtmem_thread_handle(const struct rtmem_thread *t) {
	return t->handle;
}
