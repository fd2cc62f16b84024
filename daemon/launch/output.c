/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread, and a table of files, each with a time when it's looked at. The lock is never held while a file
 * is touched: whatever blocks there blocks rotations alone.
 * The thread has all rights, as the hands have: it starts rtmem-rotate, which takes on those of users.
 */
#include "daemon/launch/output.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/paths.h"
#include "daemon/launch/rotation.h"

#define STACK_BYTES (256u << 10)

struct outputs {
	int (*prepare)(void *userdata); /* what the thread does first */
	void *userdata;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct watch *items;
	size_t n_items;
	char helper[PATH_MAX];
	bool busy; /* with a file, without the lock */
	bool end;
};

/* ---- the table (under the lock) ---------------------------------------------------------------- */

static struct watch *find(struct outputs *o, const char *process, const char *path) {
	for (size_t i = 0; i < o->n_items; i++)
		if (strcmp(o->items[i].process, process) == 0 &&
			(!path || strcmp(o->items[i].path, path) == 0))
			return &o->items[i];
	return NULL;
}

static void drop(struct outputs *o, struct watch *w) {
	watch_done(w);
	*w = o->items[--o->n_items];
}

static char *gids_text(const struct launch_facts *f) {
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%ju", (uintmax_t)f->gid);
	for (size_t i = 0; i < f->n_groups; i++)
		fprintf(out, ",%ju", (uintmax_t)f->groups[i]);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static struct watch *add(struct outputs *o, const char *process, const char *path) {
	struct watch w = { .process = strdup(process), .path = strdup(path) };
	struct watch *grown = reallocarray(o->items, o->n_items + 1, sizeof(*grown));

	if (grown)
		o->items = grown;
	if (!grown || !w.process || !w.path) {
		watch_done(&w);
		return NULL;
	}
	w.due_usec = watch_now() + LOOK_FIRST_USEC;
	o->items[o->n_items] = w;
	return &o->items[o->n_items++];
}

static void set_one(struct outputs *o, const struct process_policy *p, const char *path,
	const struct launch_facts *facts) {
	struct watch *w = find(o, p->name, path);

	if (!w)
		w = add(o, p->name, path);
	if (!w)
		return;
	w->size_bytes = p->output.rotate_bytes;
	w->keep = p->output.rotate_keep;
	if (!facts)
		return;
	w->uid = facts->uid;
	free(w->gids);
	w->gids = gids_text(facts);
}

static bool is_named(const struct process_policy *p, const char *path) {
	const struct output_policy *o = &p->output;

	return (o->standard && strcmp(o->standard, path) == 0) ||
		(o->error && strcmp(o->error, path) == 0);
}

static bool is_file(const char *target) {
	return target && target[0] == '/';
}

void outputs_set(
	struct outputs *o, const struct process_policy *p, const struct launch_facts *facts) {
	if (!o)
		return;
	(void)pthread_mutex_lock(&o->mutex);
	for (size_t i = o->n_items; i > 0; i--) /* an old file isn't grown any more */
		if (strcmp(o->items[i - 1].process, p->name) == 0 &&
			!is_named(p, o->items[i - 1].path))
			drop(o, &o->items[i - 1]);
	if (is_file(p->output.standard))
		set_one(o, p, p->output.standard, facts);
	if (is_file(p->output.error))
		set_one(o, p, p->output.error, facts);
	(void)pthread_cond_signal(&o->changed);
	(void)pthread_mutex_unlock(&o->mutex);
}

void outputs_forget(struct outputs *o, const char *process) {
	struct watch *w;

	if (!o)
		return;
	(void)pthread_mutex_lock(&o->mutex);
	while ((w = find(o, process, NULL)))
		drop(o, w);
	(void)pthread_mutex_unlock(&o->mutex);
}

int outputs_problem(struct outputs *o, const char *process, char *path, size_t size) {
	int error = 0;

	if (!o)
		return 0;
	(void)pthread_mutex_lock(&o->mutex);
	for (size_t i = 0; i < o->n_items && error == 0; i++)
		if (o->items[i].error != 0 && strcmp(o->items[i].process, process) == 0) {
			error = o->items[i].error;
			snprintf(path, size, "%s", o->items[i].path);
		}
	(void)pthread_mutex_unlock(&o->mutex);
	return error;
}

/* ---- the helper -------------------------------------------------------------------------------- */

/* A session of its own: what ends rtmemd by its group doesn't end it. */
static int start(const char *const *argv, pid_t *ret, void *userdata) {
	static char *const no_environment[] = { NULL };
	const struct outputs *o = userdata;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r = posix_spawnattr_init(&attributes);

	if (r != 0)
		return -r;
	(void)sigemptyset(&none);
	r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&attributes, &none);
	if (r == 0)
		r = posix_spawn(
			ret, o->helper, NULL, &attributes, (char *const *)argv, no_environment);
	(void)posix_spawnattr_destroy(&attributes);
	return -r;
}

/* ---- the thread -------------------------------------------------------------------------------- */

static struct watch *next_due(struct outputs *o, uint64_t *ret_usec) {
	struct watch *first = NULL;

	for (size_t i = 0; i < o->n_items; i++) {
		struct watch *w = &o->items[i];

		if (w->size_bytes > 0 && w->gids && (!first || w->due_usec < first->due_usec))
			first = w;
	}
	*ret_usec = first ? first->due_usec : UINT64_MAX;
	return first;
}

static void wait_until(struct outputs *o, uint64_t usec) {
	struct timespec t = {
		.tv_sec = (time_t)(usec / 1000000),
		.tv_nsec = (long)(usec % 1000000) * 1000,
	};

	if (usec == UINT64_MAX)
		(void)pthread_cond_wait(&o->changed, &o->mutex);
	else
		(void)pthread_cond_timedwait(&o->changed, &o->mutex, &t);
}

/* A copy is worked on; what came of it goes back if the file is still in the table. */
static void look_unlocked(struct outputs *o, struct watch *due) {
	struct watch copy = *due, *now;

	due->due_usec = watch_now() + LOOK_MAX_USEC; /* if there's no memory */
	copy.process = strdup(due->process);
	copy.path = strdup(due->path);
	copy.gids = strdup(due->gids);
	if (copy.process && copy.path && copy.gids) {
		o->busy = true;
		(void)pthread_mutex_unlock(&o->mutex);
		watch_look(&copy, start, o);
		(void)pthread_mutex_lock(&o->mutex);
		o->busy = false;
		now = find(o, copy.process, copy.path);
		if (now) {
			now->due_usec = copy.due_usec;
			now->seen_usec = copy.seen_usec;
			now->seen_bytes = copy.seen_bytes;
			now->error = copy.error;
		}
	}
	watch_done(&copy);
}

static void *work(void *userdata) {
	struct outputs *o = userdata;

	if (o->prepare && o->prepare(o->userdata) < 0)
		return NULL;
	(void)pthread_mutex_lock(&o->mutex);
	while (!o->end) {
		uint64_t due_usec;
		struct watch *w = next_due(o, &due_usec);

		if (w && due_usec <= watch_now())
			look_unlocked(o, w);
		else
			wait_until(o, due_usec);
	}
	(void)pthread_mutex_unlock(&o->mutex);
	return NULL;
}

static int start_thread(struct outputs *o) {
	pthread_attr_t attributes;
	sigset_t all, before;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&o->thread, &attributes, work, o);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	if (r == 0)
		(void)pthread_setname_np(o->thread, "rtmemd-output");
	return -r;
}

int outputs_new(int (*prepare)(void *userdata), void *userdata, struct outputs **ret) {
	_cleanup_free_ struct outputs *o = calloc(1, sizeof(*o));
	pthread_condattr_t clock;
	int r;

	if (!o)
		return -ENOMEM;
	o->prepare = prepare;
	o->userdata = userdata;
	r = find_rotate_helper(o->helper);
	if (r < 0)
		return r;
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&o->mutex, NULL);
	(void)pthread_cond_init(&o->changed, &clock);
	(void)pthread_condattr_destroy(&clock);
	r = start_thread(o);
	if (r < 0)
		return r;
	*ret = TAKE(o);
	return 0;
}

struct outputs *outputs_free(struct outputs *o) {
	bool busy;

	if (!o)
		return NULL;
	(void)pthread_mutex_lock(&o->mutex);
	o->end = true;
	busy = o->busy;
	(void)pthread_cond_signal(&o->changed);
	(void)pthread_mutex_unlock(&o->mutex);
	if (busy) { /* it may take its time, and ends with us */
		(void)pthread_detach(o->thread);
		return NULL;
	}
	(void)pthread_join(o->thread, NULL);
	while (o->n_items > 0)
		drop(o, &o->items[0]);
	free(o->items);
	free(o);
	return NULL;
}
