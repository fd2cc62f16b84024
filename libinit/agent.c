/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens inside the program once it is ready: the second lock of balanced, in one call, so that
 * nothing mapped later can fail for want of lockable memory; and the seal. Somebody has to make these
 * calls inside the program: this thread. It sleeps in recv(); each HANDOFF_LOCK from the daemon is one
 * more lock. Without a daemon it looks by itself, until threads, size and faults have stood still for a
 * while, does what is ordered, and ends.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"
#include "libinit/guard.h"

#define SETTLE_USEC 500000u /* where a daemon was to say when, and is gone */

struct activity {
	uint64_t n_threads, size_bytes;
	long minor_faults;
};

/* Stacks to try: a program with much thread-local storage needs more than the first. */
static const size_t stack_sizes[] = { 64u << 10, 256u << 10, 1u << 20 };

static void lock_again(struct init *i) {
	struct report *r = &i->report;
	struct proc_status s;

	report_init(r, REPORT_LOCKED);
	r->init_lock = INIT_LOCK_BALANCED;
	if (mlockall(MCL_CURRENT) < 0)
		(void)init_problem_diagnosed(i, "mlockall", errno, 0);
	if (proc_status_read(&s) == 0) {
		r->locked_bytes = s.locked_bytes;
		r->size_bytes = s.size_bytes;
		r->unlocked_bytes = proc_unlocked_bytes(&s);
	}
	(void)report_send(i->order.report_fd, r);
}

/* Until the daemon is gone, or the program took the descriptor for something of its own. True when it
 * went away before it asked for the lock: nobody else will. */
static bool serve_daemon(struct init *i) {
	bool locked = i->order.lock != INIT_LOCK_BALANCED;

	while (report_fd_is_ours(i)) {
		char message = 0;
		ssize_t n = recv(i->order.report_fd, &message, 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return !locked;
		if (message == HANDOFF_LOCK) {
			lock_again(i);
			locked = true;
		}
		if (message == HANDOFF_SEAL)
			seal_map(i);
	}
	return false;
}

static void look(struct activity *ret) {
	struct proc_status s;
	struct rusage u = { 0 };

	(void)proc_status_read(&s);
	(void)getrusage(RUSAGE_SELF, &u);
	*ret = (struct activity){ s.n_threads, s.size_bytes, u.ru_minflt };
}

/* Reading /proc costs this process a fault or two at first; they must not look like activity. */
static bool is_still(const struct activity *a, const struct activity *b) {
	return a->n_threads == b->n_threads && a->size_bytes == b->size_bytes &&
		a->minor_faults == b->minor_faults;
}

static void await_settled(const struct init *i) {
	struct timespec pause = {
		.tv_sec = (time_t)(i->order.settle_usec / 1000000u),
		.tv_nsec = (long)(i->order.settle_usec % 1000000u) * 1000,
	};
	struct activity before, now;

	look(&now);
	do {
		before = now;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		look(&now);
	} while (!is_still(&before, &now));
}

static void say_failure(const struct init *i, const char *what) {
	if (i->report.error)
		init_say(i, what, i->report.step, i->report.text);
}

static void *agent_main(void *userdata) {
	struct init *i = userdata;

	(void)prctl(PR_SET_NAME, RTMEM_INIT_THREAD, 0, 0, 0);
	if (i->order.report_fd >= 0) {
		if (!serve_daemon(i))
			return NULL;
		i->order.settle_usec = SETTLE_USEC;
		i->order.seal = false; /* how far the program is can't be known well enough */
	}
	await_settled(i);
	if (i->order.lock == INIT_LOCK_BALANCED) {
		lock_again(i);
		say_failure(i, " is not locked after its start");
	}
	if (i->order.seal) {
		seal_map(i);
		say_failure(i, " is not sealed");
	}
	return NULL;
}

static int start_thread(struct init *i, size_t stack_bytes) {
	pthread_attr_t attr;
	pthread_t thread;
	int error = pthread_attr_init(&attr);

	if (error)
		return -error;
	error = pthread_attr_setstacksize(&attr, stack_bytes);
	if (!error)
		error = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (!error)
		error = pthread_create(&thread, &attr, agent_main, i);
	(void)pthread_attr_destroy(&attr);
	return -error;
}

int agent_start(struct init *main_init) {
	static struct init agent_init; /* a report of its own: the main thread's is still at work */
	struct init *i = &agent_init;
	sigset_t all, old;
	int r = -EINVAL;

	*i = *main_init;
	if ((i->order.lock != INIT_LOCK_BALANCED && !i->order.seal) ||
		(i->order.report_fd < 0 && i->order.settle_usec == 0))
		return 0; /* nobody will ever say when: the first lock is all there is */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (size_t s = 0; s < ARRAY_LEN(stack_sizes) && r == -EINVAL; s++)
		r = start_thread(i, stack_sizes[s]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0
		? 0
		: init_problem(main_init, "agent", r,
			  "no thread to lock or seal with once ready: %s", strerrordesc_np(-r));
}
