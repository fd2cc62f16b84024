/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_HANDS_H
#define RTMEM_DAEMON_HANDS_H

/* The one thread that keeps all its rights: it starts programs and writes settings of the machine. */
#include <spawn.h>
#include <sys/types.h>

struct hands;

/** Before the calling thread gives anything up: the new one is what the caller is now. -errno. */
int hands_new(struct hands **ret);
/** Ends the thread. NULL is fine. Returns NULL. */
struct hands *hands_free(struct hands *h);

/** Has task(userdata) done there, waits for it, returns its result. With NULL: does it here. The task may
 *  look at everything of the caller's, who stands still meanwhile. */
int hands_do(struct hands *h, int (*task)(void *userdata), void *userdata);
/** posix_spawn() there; the child is a child of this process all the same. -errno. */
int hands_spawn(struct hands *h, const char *path, const posix_spawn_file_actions_t *files,
	const posix_spawnattr_t *attributes, const char *const *argv, char *const *env,
	pid_t *ret_pid);

#endif
