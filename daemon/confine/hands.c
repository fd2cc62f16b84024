/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities, seccomp filters and no_new_privs belong to a thread, and children inherit those of the
 * thread that starts them. So rtmemd looks at the world, its clients and its programs from threads that
 * have given up what they don't need, and starts programs from this one, which has given up nothing:
 * what binds rtmemd doesn't bind them.
 *
 * It does one thing at a time, while the caller waits: nothing needs a lock. Either side sleeps on a semaphore
 * of its own, so that an order costs two changes of threads and no more.
 */
#include "daemon/confine/hands.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define STACK_BYTES (256u << 10)

struct hands {
	pthread_t thread;
	sem_t ordered;
	sem_t done;
	int (*task)(void *userdata); /* NULL: the end */
	void *userdata;
	int result;
};

static void wait_for(sem_t *semaphore) {
	while (sem_wait(semaphore) < 0 && errno == EINTR)
		;
}

static void *work(void *userdata) {
	struct hands *h = userdata;

	for (;;) {
		wait_for(&h->ordered);
		if (!h->task)
			return NULL;
		h->result = h->task(h->userdata);
		(void)sem_post(&h->done);
	}
}

/* Signals are for the loop's thread. */
static int start_thread(struct hands *h, const char *name) {
	pthread_attr_t attributes;
	sigset_t all, before;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&h->thread, &attributes, work, h);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	if (r == 0)
		(void)pthread_setname_np(h->thread, name);
	return -r;
}

int hands_new(const char *name, struct hands **ret) {
	_cleanup_free_ struct hands *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	(void)sem_init(&h->ordered, 0, 0);
	(void)sem_init(&h->done, 0, 0);
	r = start_thread(h, name);
	if (r < 0)
		return r;
	*ret = TAKE(h);
	return 0;
}

struct hands *hands_free(struct hands *h) {
	if (!h)
		return NULL;
	h->task = NULL;
	(void)sem_post(&h->ordered);
	(void)pthread_join(h->thread, NULL);
	(void)sem_destroy(&h->ordered);
	(void)sem_destroy(&h->done);
	free(h);
	return NULL;
}

int hands_do(struct hands *h, int (*task)(void *userdata), void *userdata) {
	if (!h)
		return task(userdata);
	h->task = task;
	h->userdata = userdata;
	(void)sem_post(&h->ordered);
	wait_for(&h->done);
	return h->result;
}
