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

/** What an earlier rtmemd had stored, until somebody takes it. */
struct store {
	struct stored {
		int fd; /* -1 = taken */
		char *name; /* of the process */
	} * items;
	size_t n_items;
};

/** What was kept of one run. */
struct kept {
	int pidfd; /* says how it ended, even when nobody was there to see it; -1 = wasn't kept */
	int report_fd; /* our end of the library's socket; -1 = closed, or wasn't kept */
	int *counters; /* n_tasks pairs, minor and major */
	size_t n_tasks; /* 0 = not all of them are there */
};

/** Takes over what came with our start. Never fails: what isn't there is done without. */
void store_init(struct store *s);
/** Closes what nobody took; the manager's copies stay. */
void store_done(struct store *s);
/** n_tasks: how many pairs there have to be. */
void store_take(struct store *s, const char *process, size_t n_tasks, struct kept *ret);
/** Closes all but the pidfd. */
void kept_drop_others(struct kept *k);
void kept_done(struct kept *k);

/** Has the manager keep the descriptors of p's run, once. What it has no room for is known to be missing
 *  when it's needed. */
void store_run(struct process *p);
/** The manager needn't keep anything of this process any more. */
void store_drop(const char *process);
/** The same for what nobody took, of processes that keep() doesn't name. */
void store_drop_others(
	struct store *s, bool (*keep)(const char *process, void *userdata), void *userdata);

#endif
