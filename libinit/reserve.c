/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks made ahead. glibc keeps the stack of an ended thread for the next one that it fits, up to
 * glibc.pthread.stack_cache_size in all. So as many threads as wished are started here, all alive at the
 * same time, make their stacks present and locked, and end. A thread that the program creates later
 * takes one of those: no mapping, no page, neither for it nor for its creator.
 *
 * Believed by its effect only: after the threads are gone, their stacks are still mapped and present.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "common/units.h"
#include "libinit/guard.h"

#define RESERVE_MAX 1024u /* as the policy allows */

struct spare {
	pthread_t thread;
	const struct init *init;
	char *low;
	int result;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned n_prepared;
static bool may_end;

static void *spare_main(void *userdata) {
	struct spare *s = userdata;

	s->result = thread_stack_prepare(
		s->init, NULL, (size_t)s->init->report.thread_stack_bytes, &s->low);
	pthread_mutex_lock(&mutex);
	n_prepared++;
	pthread_cond_broadcast(&changed);
	while (!may_end)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void let_end(struct spare *spares, unsigned n) {
	pthread_mutex_lock(&mutex);
	while (n_prepared < n)
		pthread_cond_wait(&changed, &mutex);
	may_end = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	for (unsigned s = 0; s < n; s++)
		(void)pthread_join(spares[s].thread, NULL);
}

static unsigned count_kept(const struct spare *spares, unsigned n, size_t bytes) {
	unsigned kept = 0;

	for (unsigned s = 0; s < n; s++)
		kept += spares[s].result == 0 && missing_bytes(spares[s].low, bytes) == 0;
	return kept;
}

static int judge(struct init *i, const struct spare *spares, unsigned n) {
	size_t bytes = (size_t)i->report.thread_stack_bytes;
	char text[UNITS_TEXT_MAX];

	for (unsigned s = 0; s < n; s++)
		if (spares[s].result < 0)
			return init_problem_diagnosed(i, "stack-reserve", -spares[s].result, bytes);
	i->report.stacks_reserved = count_kept(spares, n, bytes);
	if (i->report.stacks_reserved == n)
		return 0;
	return init_problem(i, "stack-reserve", ENOTSUP,
		"of %u stacks of %s made ahead the C library keeps only %u: GLIBC_TUNABLES must say "
		"glibc.pthread.stack_cache_size=%llu or more (rtmem sets it unless the environment is "
		"in the way; C libraries before 2.34 keep 40M)",
		n, format_size_rounded(bytes, text), (unsigned)i->report.stacks_reserved,
		(unsigned long long)(n + 1) * bytes);
}

static int reserve(struct init *i, struct spare *spares, unsigned wanted) {
	sigset_t all, old;
	unsigned n = 0;
	int error = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the program's own threads' */
	for (; n < wanted && !error; n += !error) {
		spares[n].init = i;
		error = pthread_create(&spares[n].thread, NULL, spare_main, &spares[n]);
	}
	let_end(spares, n);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return init_problem_diagnosed(
			i, "stack-reserve", error, (wanted - n) * i->report.thread_stack_bytes);
	return judge(i, spares, n);
}

int stacks_reserve(struct init *i) {
	unsigned wanted = i->order.stack_reserve;
	size_t bytes = wanted * sizeof(struct spare);
	struct spare *spares;
	int r;

	if (!wanted || i->order.lock == INIT_LOCK_NONE) /* nothing would keep their pages */
		return 0;
	if (wanted > RESERVE_MAX)
		return init_problem(i, "stack-reserve", ERANGE,
			"memory.stack.reserve: %u is more than the %u that can be made", wanted,
			RESERVE_MAX);
	spares = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (spares == MAP_FAILED)
		return init_problem_diagnosed(i, "stack-reserve", errno, bytes);
	r = reserve(i, spares, wanted);
	(void)munmap(spares, bytes);
	return r;
}
