/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file is looked at when it may have grown to its size: from how fast it grew before, twice as often as
 * that says, within bounds. So a thousand quiet files cost a thousand lstat() in ten seconds, and a chatty
 * one is caught in time.
 */
#include "daemon/launch/rotation.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cleanup.h"

#define PAUSE_USEC	60000000u /* after a failure, which won't be better at once */
#define ROTATE_MAX_MSEC 300000 /* a helper that takes longer hangs */

uint64_t watch_now(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void watch_done(struct watch *w) {
	free(w->process);
	free(w->path);
	free(w->gids);
	*w = (struct watch){ .due_usec = 0 };
}

static int wait_for(pid_t pid) {
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	bool late = false;
	int status = 0;

	if (pidfd >= 0) {
		int n;

		do
			n = poll(&p, 1, ROTATE_MAX_MSEC);
		while (n < 0 && errno == EINTR);
		late = n == 0;
	}
	if (late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno !=
			EINTR) /* somebody else collected it: the next look at the file tells */
			return errno == ECHILD ? 0 : -errno;
	if (late)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int run_helper(const struct watch *w, rotation_start start, void *userdata) {
	char size[24], keep[16], uid[16];
	const char *argv[] = { "rtmem-rotate", "--size", size, "--keep", keep, "--uid", uid,
		"--gids", w->gids, w->path, NULL };
	pid_t pid;
	int r;

	snprintf(size, sizeof(size), "%" PRIu64, w->size_bytes);
	snprintf(keep, sizeof(keep), "%" PRIu32, w->keep);
	snprintf(uid, sizeof(uid), "%u", (unsigned)w->uid);
	r = start(argv, &pid, userdata);
	return r < 0 ? r : wait_for(pid);
}

/* When it may have grown so far, at the pace of late; half of that, for it may write faster. */
uint64_t watch_next(const struct watch *w, uint64_t now_usec, uint64_t bytes) {
	uint64_t pause = LOOK_MAX_USEC, grown, left;

	if (w->seen_usec == 0)
		return now_usec + LOOK_FIRST_USEC;
	grown = bytes > w->seen_bytes ? bytes - w->seen_bytes : 0;
	left = w->size_bytes > bytes ? w->size_bytes - bytes : 0;
	if (grown > 0 && now_usec > w->seen_usec) {
		double usec = (double)left * (double)(now_usec - w->seen_usec) / (double)grown / 2;

		if (usec < LOOK_MAX_USEC)
			pause = (uint64_t)usec;
	}
	return now_usec + (pause < LOOK_MIN_USEC ? LOOK_MIN_USEC : pause);
}

/* One that is as large as before can't be cut yet: a lock, a line that goes on, blocks larger than the file. */
static uint64_t pause_after(const struct watch *w) {
	struct stat st;

	if (w->error)
		return PAUSE_USEC;
	return lstat(w->path, &st) == 0 && (uint64_t)st.st_size >= w->size_bytes ? LOOK_MAX_USEC
										 : LOOK_MIN_USEC;
}

void watch_look(struct watch *w, rotation_start start, void *userdata) {
	struct stat st;
	uint64_t now;

	if (lstat(w->path, &st) < 0) { /* rotated by somebody else, perhaps; it may come back */
		w->due_usec = watch_now() + LOOK_MAX_USEC;
		return;
	}
	if ((uint64_t)st.st_size < w->size_bytes) {
		now = watch_now();
		w->due_usec = watch_next(w, now, (uint64_t)st.st_size);
		w->seen_usec = now;
		w->seen_bytes = (uint64_t)st.st_size;
		return;
	}
	w->error = run_helper(w, start, userdata);
	now = watch_now();
	w->due_usec = now + pause_after(w);
	w->seen_usec = now;
	w->seen_bytes = 0;
}
