/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities, seccomp filters and no_new_privs belong to a thread, and children inherit those of the
 * thread that starts them. So rtmemd looks at the world, its clients and its programs from threads that
 * have given up what they don't need, and starts programs from this one, which has given up nothing:
 * what binds rtmemd doesn't bind them.
 *
 * It does one thing at a time, while the caller waits: nothing needs a lock but the order itself.
 */
#include "daemon/hands.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define STACK_BYTES (256u << 10)

struct hands {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int (*task)(void *userdata); /* NULL = none is waited for */
	void *userdata;
	int result;
	bool end;
};

static void *work(void *userdata) {
	struct hands *h = userdata;

	(void)pthread_mutex_lock(&h->mutex);
	for (;;) {
		while (!h->task && !h->end)
			(void)pthread_cond_wait(&h->changed, &h->mutex);
		if (!h->task)
			break;
		h->result = h->task(h->userdata);
		h->task = NULL;
		(void)pthread_cond_broadcast(&h->changed);
	}
	(void)pthread_mutex_unlock(&h->mutex);
	return NULL;
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
	(void)pthread_mutex_init(&h->mutex, NULL);
	(void)pthread_cond_init(&h->changed, NULL);
	r = start_thread(h, name);
	if (r < 0)
		return r;
	*ret = TAKE(h);
	return 0;
}

struct hands *hands_free(struct hands *h) {
	if (!h)
		return NULL;
	(void)pthread_mutex_lock(&h->mutex);
	h->end = true;
	(void)pthread_cond_broadcast(&h->changed);
	(void)pthread_mutex_unlock(&h->mutex);
	(void)pthread_join(h->thread, NULL);
	(void)pthread_cond_destroy(&h->changed);
	(void)pthread_mutex_destroy(&h->mutex);
	free(h);
	return NULL;
}

int hands_do(struct hands *h, int (*task)(void *userdata), void *userdata) {
	int r;

	if (!h)
		return task(userdata);
	(void)pthread_mutex_lock(&h->mutex);
	h->task = task;
	h->userdata = userdata;
	(void)pthread_cond_broadcast(&h->changed);
	while (h->task)
		(void)pthread_cond_wait(&h->changed, &h->mutex);
	r = h->result;
	(void)pthread_mutex_unlock(&h->mutex);
	return r;
}
