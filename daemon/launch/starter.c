/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child begins with a copy of the table of descriptors, and its execve() closes one after the other. For
 * each managed process rtmemd holds ten, so that among a thousand every launch would copy and close ten
 * thousand. This thread has a table of its own, with next to nothing in it, and takes the two descriptors
 * of a launch over for as long as it lasts.
 */
#include "daemon/launch/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/confine/hands.h"

#define FIRST_FD (CHILD_REPORT_FD + 1) /* ours lie above those of the child */

struct starter {
	struct hands *hands;
	int self; /* pidfd of this process, in the table of the thread */
};

/* ---- the table --------------------------------------------------------------------------------- */

/* Our copy of a descriptor of the process; a duplicate above the child's numbers. */
static int fetch(const struct starter *s, int fd) {
	int copy = (int)syscall(SYS_pidfd_getfd, s->self, fd, 0), high;

	if (copy < 0)
		return -errno;
	high = fcntl(copy, F_DUPFD_CLOEXEC, FIRST_FD);
	if (high < 0)
		high = -errno;
	(void)close(copy);
	return high;
}

static int take_own_files(void *userdata) {
	struct starter *s = userdata;
	int self;

	if (unshare(CLONE_FILES) < 0)
		return -errno;
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) < 0)
		return -errno;
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (self < 0)
		return -errno;
	s->self = fcntl(self, F_DUPFD_CLOEXEC, FIRST_FD);
	if (s->self < 0)
		return -errno;
	(void)close(self);
	self = fetch(s,
		STDERR_FILENO); /* Linux 5.6; nothing that looks over our shoulder knows it yet */
	return self < 0 ? self : close(self);
}

DEFINE_CLEANUP(struct starter *, starter_free)

int starter_new(struct starter **ret) {
	CLEANUP(starter_free_cleanup) struct starter *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = hands_new("rtmemd-starter", &s->hands);
	if (r == 0)
		r = hands_do(s->hands, take_own_files, s);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

int starter_do(struct starter *s, int (*task)(void *userdata), void *userdata) {
	return hands_do(s->hands, task, userdata);
}

/* What the thread has open goes with it. */
struct starter *starter_free(struct starter *s) {
	if (!s)
		return NULL;
	hands_free(s->hands);
	free(s);
	return NULL;
}

/* ---- the child --------------------------------------------------------------------------------- */

/* What is ignored rtmem-exec resets itself. */
static int set_attributes(posix_spawnattr_t *attributes) {
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return -r;
}

static int set_files(posix_spawn_file_actions_t *files, int plan_fd, int report_fd) {
	int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, plan_fd, CHILD_PLAN_FD);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, report_fd, CHILD_REPORT_FD);
	return -r;
}

static int spawn(const struct start *what, int plan_fd, int report_fd, pid_t *ret) {
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int r;

	r = -posix_spawn_file_actions_init(&files);
	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_files(&files, plan_fd, report_fd);
		if (r == 0)
			r = set_attributes(&attributes);
		if (r == 0)
			r = -posix_spawn(ret, what->path, &files, &attributes,
				(char *const *)what->argv, what->env);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

struct order {
	const struct starter *starter; /* NULL: the descriptors are there already */
	const struct start *what;
	pid_t *ret_pid;
};

static int carry_out(void *userdata) {
	const struct order *o = userdata;
	_cleanup_close_ int plan_fd = -1, report_fd = -1;

	if (!o->starter)
		return spawn(o->what, o->what->plan_fd, o->what->report_fd, o->ret_pid);
	plan_fd = fetch(o->starter, o->what->plan_fd);
	if (plan_fd < 0)
		return plan_fd;
	report_fd = fetch(o->starter, o->what->report_fd);
	if (report_fd < 0)
		return report_fd;
	return spawn(o->what, plan_fd, report_fd, o->ret_pid);
}

int starter_spawn(
	struct starter *s, struct hands *otherwise, const struct start *what, pid_t *ret_pid) {
	struct order order = { s, what, ret_pid };
	int r = hands_do(s ? s->hands : otherwise, carry_out, &order);

	if (r != -ENOSYS || !s)
		return r;
	order.starter = NULL; /* no pidfd_getfd(): before Linux 5.6, and under some valgrind */
	return hands_do(otherwise, carry_out, &order);
}
