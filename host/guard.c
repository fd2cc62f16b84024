/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change that goes back by itself needs somebody who is still there then. The client may be cut off by
 * the very change, the daemon may be killed: the guard is neither. It holds nothing but the name of the
 * state directory, and asks the journal when the time comes.
 */
#include "host/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include "common/paths.h"

static int set_up_files(posix_spawn_file_actions_t *files) {
	int r = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDWR, 0);

	for (int fd = 1; fd <= 2 && r == 0; fd++)
		r = posix_spawn_file_actions_adddup2(files, 0, fd);
	return r;
}

/* Nothing of the caller's: neither its terminal, nor the signals that it blocks or ignores. */
static int set_up_attributes(posix_spawnattr_t *attributes) {
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	r = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	return r == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : r;
}

pid_t guard_start(const struct transaction *t) {
	char path[PATH_MAX];
	char *const argv[] = { path, (char *)"--state-dir", (char *)t->state_dir, (char *)"--root",
		(char *)t->root, (char *)"rollback", (char *)"--tried", (char *)"--wait", NULL };
	char *const environment[] = { (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	pid_t pid = 0;
	int r = find_rtmemctl(path);

	if (r < 0)
		return r;
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attributes);
	r = set_up_files(&files);
	if (r == 0)
		r = set_up_attributes(&attributes);
	if (r == 0)
		r = posix_spawn(&pid, path, &files, &attributes, argv, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	return r == 0 ? pid : -r;
}
