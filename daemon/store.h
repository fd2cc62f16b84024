/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STORE_H
#define RTMEM_DAEMON_STORE_H

/*
 * Descriptors that outlive us, in the descriptor store of our own manager (systemd: FileDescriptorStoreMax=).
 * Without a manager, or with one that keeps nothing, all this does nothing.
 */
#include <stdbool.h>
#include <stddef.h>

struct process;

enum store_role {
	STORE_PIDFD, /* says how the process ended, even when nobody was there to see it */
	STORE_REPORT, /* our end of the library's socket */
	STORE_MINOR, /* counters, a pair for each task that they were attached to */
	STORE_MAJOR,
	STORE_ROLE_MAX,
};

/** What an earlier rtmemd had stored, until somebody takes it. */
struct store {
	struct stored {
		int fd; /* -1 = taken */
		char *name;
	} * items;
	size_t n_items;
	bool present; /* there's a manager to store with */
};

/** Takes over what came with our start. Never fails: what isn't there is done without. */
void store_init(struct store *s);
/** Closes what nobody took; the manager's copies stay. */
void store_done(struct store *s);
/** The next descriptor of this process and role, or -ENOENT. It's the caller's now. */
int store_take(struct store *s, enum store_role role, const char *process);
/** Has the manager keep the descriptors of p's run. Done once; what the manager has no room for is known
 *  to be missing when it's needed. */
void store_run(struct process *p);
/** The manager needn't keep anything of this process any more. */
void store_drop(struct process *p);
/** The same for what nobody took, of processes that keep() doesn't name. */
void store_drop_others(
	struct store *s, bool (*keep)(const char *process, void *userdata), void *userdata);

#endif
