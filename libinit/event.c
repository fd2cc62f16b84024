/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the program does after its start that the order didn't reckon with, told to the daemon: who did
 * it, and where in the code. Bounded, as a program that forks all day needs no more than a few.
 *
 * The socket's number belongs to the program: it may close it, or open something else under it. So
 * before each packet it's compared with the socket that the library was started with.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libinit/guard.h"

#define EVENTS_MAX   16u /* of one process */
#define REPEATED_MAX 12u /* of them those that a program may repeat all day */

#define MODULE_PATH_MAX 512 /* on the stack of whoever calls */

static atomic_uint n_events, n_repeated;
static _Atomic(struct init *) in_force;

struct init *guard_of_memory(void) {
	return atomic_load_explicit(&in_force, memory_order_acquire);
}

const struct init *guard_in_force(void) {
	const struct init *i = guard_of_memory();

	return i && i->pid == getpid() ? i : NULL;
}

void guard_begin(struct init *i) {
	atomic_store_explicit(&in_force, i, memory_order_release);
}

void guard_end(void) {
	atomic_store_explicit(&in_force, NULL, memory_order_release);
}

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* argv[0], which others would call it by, is what servers write their titles over. */
static const char *module_of(
	const struct init *i, const struct place *place, char path[static MODULE_PATH_MAX]) {
	ssize_t n;

	if (place->file[0])
		return base_name(place->file);
	n = readlink("/proc/self/exe", path, MODULE_PATH_MAX);
	if (n <= 0 || n == MODULE_PATH_MAX)
		return base_name(i->program);
	path[n] = '\0';
	return base_name(path);
}

/* "thread NAME (tid N) at MODULE+0x123 (symbol)" */
static int describe_caller(
	const struct init *i, char *buf, size_t size, uint32_t tid, const void *site) {
	char name[17] = "?", path[MODULE_PATH_MAX];
	struct place place;

	(void)prctl(PR_GET_NAME, name, 0, 0, 0);
	if (!site)
		return snprintf(buf, size, "thread %s (tid %u) in a call of the C library", name,
			(unsigned)tid);
	if (!place_find(site, &place))
		return snprintf(buf, size, "thread %s (tid %u) at %p", name, (unsigned)tid, site);
	return snprintf(buf, size, "thread %s (tid %u) at %.128s+0x%zx%s%.128s%s", name,
		(unsigned)tid, module_of(i, &place, path), (size_t)((uintptr_t)site - place.base),
		place.symbol ? " (" : "", place.symbol ? place.symbol : "",
		place.symbol ? ")" : "");
}

static void send_event(const struct init *i, const char *step, int error, const void *site,
	const char *consequence) {
	struct report r;
	int n;

	report_init(&r, REPORT_EVENT);
	r.error = error;
	r.init_lock = i->order.lock;
	r.tid = (uint32_t)syscall(SYS_gettid);
	snprintf(r.step, sizeof(r.step), "%s", step);
	n = describe_caller(i, r.text, sizeof(r.text), r.tid, site);
	if (n > 0 && (size_t)n < sizeof(r.text))
		snprintf(r.text + n, sizeof(r.text) - (size_t)n, ": %s", consequence);
	(void)report_send(i->order.report_fd, &r);
}

/* The first forks of a program mustn't keep a later munlockall() from being told. */
static bool is_within_bounds(const char *step) {
	bool repeated = strcmp(step, "fork") == 0 || strcmp(step, "thread-stack") == 0;

	if (repeated && atomic_fetch_add(&n_repeated, 1) >= REPEATED_MAX)
		return false;
	return atomic_fetch_add(&n_events, 1) < EVENTS_MAX;
}

void event_send(const struct init *i, const char *step, int error, const void *site,
	const char *format, ...) {
	char consequence[320];
	int saved_errno = errno, state;
	va_list ap;

	if (!report_fd_is_ours(i) || !is_within_bounds(step)) {
		errno = saved_errno;
		return;
	}
	va_start(ap, format);
	vsnprintf(consequence, sizeof(consequence), format, ap);
	va_end(ap);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state); /* send() is a place for it */
	send_event(i, step, error, site, consequence);
	(void)pthread_setcancelstate(state, NULL);
	errno = saved_errno;
}
