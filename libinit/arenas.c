/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Further arenas. glibc gives a thread an arena at its first malloc: one that an ended thread left
 * behind, else a new one up to arena_max, else one in use. So N-1 threads are started here, live at the
 * same time until each has its own arena with its share of free heap, and end: their arenas wait on
 * glibc's list for the program's threads.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "libinit/init.h"
#include "libinit/prefault.h"

#define ARENAS_MAX	   64u /* threads started here at most */
#define HELPER_STACK_BYTES (256u << 10)
#define ARENA_WINDOW	   (UINT64_C(64) << 20) /* a heap is aligned to its largest size */

struct helper {
	struct init *init;
	pthread_t thread;
	char *block; /* where its share lay */
	int result;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned n_finished;
static bool may_end;

/* Twice the same block, present: the arena keeps what it was given. */
static int grow_arena(struct helper *h) {
	size_t bytes = (size_t)heap_arena_share(&h->init->order) + HEAP_MARGIN_BYTES;
	char *again;
	int r = 0;

	h->block = malloc(bytes);
	if (!h->block)
		return -ENOMEM;
	r = prefault_and_lock(h->init, h->block, bytes);
	if (r == 0 && missing_bytes(h->block, bytes) > 0)
		r = -ENOMEM;
	free(h->block);
	again = malloc(bytes);
	if (r == 0 && again != h->block)
		r = -EAGAIN;
	free(again);
	return r;
}

static void *helper_main(void *userdata) {
	struct helper *h = userdata;

	pthread_mutex_lock(&mutex);
	h->result = grow_arena(h);
	n_finished++;
	pthread_cond_broadcast(&changed);
	while (!may_end)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int start_helper(struct helper *h) {
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);

	if (error)
		return -error;
	error = pthread_attr_setstacksize(&attr, HELPER_STACK_BYTES);
	if (!error)
		error = pthread_create(&h->thread, &attr, helper_main, h);
	(void)pthread_attr_destroy(&attr);
	return -error;
}

static void await_finished(unsigned n) {
	pthread_mutex_lock(&mutex);
	while (n_finished < n)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void let_end(struct helper *helpers, unsigned n) {
	pthread_mutex_lock(&mutex);
	may_end = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	for (unsigned h = 0; h < n; h++)
		(void)pthread_join(helpers[h].thread, NULL);
}

/* Two blocks in one window of 64 MiB, or one in the main heap, mean arenas that are shared. */
static bool share_an_arena(const struct init *i, const struct helper *helpers, unsigned n) {
	for (unsigned a = 0; a < n; a++) {
		uintptr_t at = (uintptr_t)helpers[a].block;

		if (at >= i->report.heap_start && at < i->report.heap_end)
			return true;
		for (unsigned b = 0; b < a; b++)
			if (at / ARENA_WINDOW == (uintptr_t)helpers[b].block / ARENA_WINDOW)
				return true;
	}
	return false;
}

static int judge(struct init *i, const struct helper *helpers, unsigned n) {
	for (unsigned h = 0; h < n; h++)
		if (helpers[h].result < 0)
			return init_problem_diagnosed(i, "arenas", -helpers[h].result,
				heap_arena_share(&i->order) + HEAP_MARGIN_BYTES);
	if (share_an_arena(i, helpers, n))
		return init_problem(i, "arenas", ENOTSUP,
			"malloc made fewer than %u arenas: glibc.malloc.arena_max=%u isn't in force "
			"(GLIBC_TUNABLES of the environment says otherwise)",
			(unsigned)i->order.arenas, (unsigned)i->order.arenas);
	i->report.arenas = i->order.arenas;
	i->report.heap_bytes += n * heap_arena_share(&i->order);
	return 0;
}

int arenas_prepare(struct init *i) {
	static struct helper helpers[ARENAS_MAX];
	unsigned wanted = i->order.arenas > 1 ? i->order.arenas - 1 : 0;
	sigset_t all, old;
	unsigned n = 0;
	int r = 0;

	if (i->order.allocator != INIT_ALLOCATOR_GLIBC || i->report.arenas)
		return 0; /* the allocator's own, prepared with its heap */
	i->report.arenas = i->order.arenas;
	if (!wanted || !i->report.heap_bytes)
		return 0;
	if (wanted > ARENAS_MAX)
		return init_problem(i, "arenas", ERANGE,
			"memory.heap.arenas: %u is more than the %u that can be prepared",
			wanted + 1, ARENAS_MAX + 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the program's own threads' */
	for (; n < wanted && r == 0; n += r == 0) {
		helpers[n].init = i;
		r = start_helper(&helpers[n]);
		await_finished(r == 0 ? n + 1 : n);
	}
	let_end(helpers, n);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return init_problem_diagnosed(i, "arenas", -r, HELPER_STACK_BYTES);
	return judge(i, helpers, n);
}
