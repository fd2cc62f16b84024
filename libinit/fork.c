/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork() after the lock breaks the guarantee of the parent: all of its pages are copy-on-write from then
 * on, and each one that it writes faults once more. By the order such a call is told of, made good (the
 * parent takes its pages back before fork() returns) or refused. posix_spawn(), system(), popen() and
 * vfork() copy nothing and are left alone.
 *
 * Wrappers know the place in the program; the C library's own handlers see what is forked inside of it.
 * The child starts without a lock: that is what the kernel does. With `children` it gets the same again.
 */
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/names.h"
#include "libinit/guard.h"

pid_t _Fork(void); /* C libraries before 2.34 have none */

static __thread unsigned depth __attribute__((tls_model("initial-exec"))); /* of wrappers */

static void tell(const struct init *i, const void *site) {
	event_send(i, "fork", 0, site,
		"fork() shares every page of this process with its child, and each page written from "
		"then on faults once; use posix_spawn() or vfork(), or set fork: precopy or deny");
}

static bool is_denied(const struct init *i) {
	if (!i || i->order.fork != INIT_FORK_DENY)
		return false;
	errno = EPERM;
	return true;
}

static bool is_told(const struct init *i) {
	return i && i->order.fork == INIT_FORK_REPORT;
}

/* ---- on both sides ----------------------------------------------------------------------------- */

static void before_fork(void) {
	const struct init *i = guard_in_force();

	if (depth == 0 && is_told(i))
		tell(i, NULL);
}

static void in_parent(void) {
	const struct init *i = guard_in_force();

	thread_pages_shared();
	if (i && i->order.fork == INIT_FORK_PRECOPY)
		precopy(i);
}

/* fork() is no place where a thread is cancelled, so neither is what is done here. */
static void in_child(void) {
	struct init *i = guard_of_memory();
	int saved_errno = errno, state;

	if (!i)
		return;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	thread_forget();
	thread_pages_shared();
	if (i->order.children)
		child_prepare(i);
	else
		guard_end();
	if (i->order.report_fd >= 0 && report_fd_is_ours(i))
		(void)close(i->order.report_fd); /* else nobody would see the end of the parent */
	(void)pthread_setcancelstate(state, NULL);
	errno = saved_errno;
}

void fork_watch(void) {
	(void)pthread_atfork(before_fork, in_parent, in_child);
}

/* ---- in place of the C library's --------------------------------------------------------------- */

WRAPPER pid_t fork(void) {
	__typeof__(&fork) next = NEXT(NEXT_FORK, fork);
	const struct init *i = guard_in_force();
	pid_t pid;

	if (!next || is_denied(i))
		return -1;
	depth++;
	pid = next();
	depth--;
	if (pid > 0 && is_told(i))
		tell(i, CALL_SITE());
	return pid;
}

/* Runs no handlers, so that it can be used where fork() can't: what they do is done here. */
WRAPPER pid_t _Fork(void) {
	__typeof__(&_Fork) next = NEXT(NEXT_FORK_RAW, _Fork);
	const struct init *i = guard_in_force();
	pid_t pid;

	if (!next || is_denied(i))
		return -1;
	pid = next();
	if (pid == 0)
		in_child();
	if (pid <= 0)
		return pid;
	in_parent();
	if (is_told(i))
		tell(i, CALL_SITE());
	return pid;
}

WRAPPER pid_t forkpty(
	int *primary, char *name, const struct termios *terminal, const struct winsize *window) {
	__typeof__(&forkpty) next = NEXT(NEXT_FORKPTY, forkpty);
	const struct init *i = guard_in_force();
	pid_t pid;

	if (!next || is_denied(i))
		return -1;
	depth++;
	pid = next(primary, name, terminal, window);
	depth--;
	if (pid > 0 && is_told(i))
		tell(i, CALL_SITE());
	return pid;
}

/* The parent ends in it, and the child goes on: nobody could tell afterwards. */
WRAPPER int daemon(int keep_directory, int keep_streams) {
	__typeof__(&daemon) next = NEXT(NEXT_DAEMON, daemon);
	const struct init *i = guard_in_force();
	int r;

	if (!next || is_denied(i))
		return -1;
	if (is_told(i))
		event_send(i, "fork", 0, CALL_SITE(),
			"daemon() ends the prepared process and goes on in a child without a lock; let "
			"the program stay in the foreground");
	depth++;
	r = next(keep_directory, keep_streams);
	depth--;
	return r;
}
