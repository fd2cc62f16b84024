/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_HOST_H
#define RTMEM_DAEMON_HOST_H

/* The machine's settings in the daemon's care: applied, tried, watched, given back. */
#include "daemon/manager.h"
#include "host/transaction.h"

/** Whose wishes the machine's settings are held to: those of a try, or those of the processes. */
struct policy_set *host_policy(const struct manager *m);

/** Does a try stand in the way of another apply? problem: how to end it. */
bool host_is_trying(const struct manager *m, char problem[static SETTING_REASON_MAX]);

/** The machine's, for rtmemd: it never waits for another writer. */
struct transaction host_transaction(struct manager *m);

/** host-apply.c: transaction_apply() and what follows from it: the log, the status, the timer. A try's
 *  set is the machine's from then on. */
int host_apply(struct manager *m, struct policy_set *set, unsigned flags, uint64_t try_usec,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]);
int host_rollback(struct manager *m, bool force, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);
int host_revert(struct manager *m, bool only_due, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);
int host_confirm(struct manager *m, char problem[static SETTING_REASON_MAX]);

/** host-apply.c: tells of each write. */
void host_tell_writes(const struct host_writes *w);

/** host-try.c: a try that is on disk ends in time: by our timer, or by the guard's if we end first. */
void host_try_arm(struct manager *m);
int host_try_guard(const struct transaction *t);

/** host-drift.c: reads all settings again, tells what changed, and sets again what shall be. */
void host_refresh(struct manager *m, uint64_t now_usec);
/** Takes over new readings: the journal and the bus hear of what changed. */
void host_take_over(struct manager *m, struct settings *host);
/** Somebody has decided anew: disputes are forgotten. */
void host_forget_disputes(struct manager *m);

/** host-files.c: `lock_files`, pattern by pattern, behind the other settings. 0 or -ENOMEM. */
int host_files_append(const struct manager *m, struct settings *host);
bool host_files_wanted(const struct manager *m);

/** host-later.c: somebody else is writing (-EWOULDBLOCK, with the problem): it's done afterwards. */
void host_do_later(struct manager *m, enum host_later what, const char *problem);
void host_later_done(struct manager *m);

void host_done(struct manager *m);

#endif
