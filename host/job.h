/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_JOB_H
#define RTMEM_HOST_JOB_H

/* Inside of the transactions: what apply, rollback and the end of a try have in common. */
#include <sys/types.h>

#include "host/journal.h"
#include "host/transaction.h"

struct job {
	const struct transaction *t;
	struct journal journal;
	struct host_writes writes; /* in the order of writing */
	char boot[BOOT_ID_MAX];
	int lock; /* -1: nothing may be written */
	char *problem; /* SETTING_REASON_MAX bytes */
};
void job_done(struct job *job);
#define _cleanup_job_ CLEANUP(job_done)

/** Takes the lock (unless only looking) and loads the journal. -errno with the problem. */
int job_init(struct job *job, const struct transaction *t, bool look, char *problem);

/** Appends a write, in its initial state. NULL: no memory. */
struct host_write *job_add(
	struct job *job, const char *setting, const char *from, const char *to, bool back);
int write_judge(struct host_write *w, enum write_outcome outcome, const char *reason);
/** Sorts by rank: ascending, or for going back descending with the last one first. */
void job_sort(struct job *job, size_t first, bool back);

/** Notes in the journal that this write is about to happen. */
int job_prepare(struct job *job, struct host_write *w, bool trying);
/** Writes, reads back, and notes that in the journal's copy in memory. 0 or -ENOMEM. */
int job_write(struct job *job, struct host_write *w);
/** Saves the journal; the problem names the directory. */
int job_save(struct job *job);

/**
 * One entry on its way back to the value `to`: adds a write, or one that says why it's left, or nothing
 * when the value is there already (*ret_there). force: also what somebody else has written.
 */
int job_plan_back(struct job *job, const struct journal_entry *e, const char *to, bool force,
	bool *ret_there);

/** What was begun and not finished, and a try whose time is over, is brought to its end. */
int job_settle(struct job *job);
int job_rollback(struct job *job, bool force);
int job_revert(struct job *job);
/** The try is over, and its settings are held back. */
int job_end_try(struct job *job);
bool job_try_is_due(const struct job *job);

#endif
