/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_TRANSACTION_H
#define RTMEM_HOST_TRANSACTION_H

/*
 * Changing the machine and going back. Whoever changes its settings does it by these functions: they
 * take the lock, keep the journal, write in order and read back. A setting that can't be had is told
 * in one sentence and doesn't stop the others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/setting.h"
#include "host/settings.h"

struct json;

/** Where. */
struct transaction {
	const char *root; /* prefix of /proc and /sys; "" = this machine */
	const char
		*state_dir; /* of journal and lock; NULL = nothing is kept, and nothing goes back */
	/** Called when a try is on disk and nothing has been written: whatever shall end it has to be
	 *  there from now on. Negative: the try is called off. May be NULL. */
	int (*on_try)(const struct transaction *t);
	void *userdata;
	bool no_wait; /* for another writer, but for a moment: then it's -EWOULDBLOCK */
};

enum write_outcome {
	WRITE_PLANNED, /* dry run */
	WRITE_DONE, /* read back as wanted */
	WRITE_SHORT, /* taken by the kernel, but it reads differently */
	WRITE_REFUSED, /* not written */
	WRITE_LEFT, /* not ours to write */
};
const char *write_outcome_to_string(enum write_outcome o);

/** One write that was made, or would be, or wasn't. */
struct host_write {
	char *setting;
	char *from; /* the value before; "" = it couldn't be read */
	char *to;
	char *action; /* "write 0 to /proc/sys/vm/swappiness" */
	char *reason; /* unless planned or done: one sentence */
	enum write_outcome outcome;
	bool back; /* gives back what was there before, instead of fulfilling a wish */
	bool first; /* rtmem's first write of this setting */
	bool was_pending; /* for the journal: as its entry was before */
};

struct host_writes {
	struct host_write *items;
	size_t n_items;
};
void host_writes_done(struct host_writes *w);
#define _cleanup_host_writes_ CLEANUP(host_writes_done)
size_t host_writes_count(const struct host_writes *w, enum write_outcome outcome);
/** Array "writes": [{setting, from, to, action, back, outcome, reason}]. */
void host_writes_json(struct json *j, const struct host_writes *w);
/** {"version":1,"result":...,"problem":...,"writes":[...]}, malloc'ed. 0 or -ENOMEM. */
int host_writes_document(
	const char *result, const struct host_writes *w, const char *problem, char **ret_json);

enum apply_flags {
	APPLY_DRY_RUN = 1 << 0,
	/* Nobody stands behind it: what was tried and not confirmed, or rolled back, stays as it is. */
	APPLY_UNATTENDED = 1 << 1,
};

/**
 * Gives back the originals of settings that no policy wants any more (unless unattended), then fulfils the wishes that
 * aren't, in the order of setting_order(). What differed is in ret_writes, how all wishes stand
 * afterwards in ret. try_usec: 0, or goes back after this time unless confirmed.
 * 0, also when settings were refused. Else nothing was written, and problem says why: -EALREADY (a
 * try waits for its confirmation), -EWOULDBLOCK (somebody else is writing, and still is after some
 * seconds), -ENOMEM, what on_try returned.
 * A dry run takes no lock and writes nothing at all.
 */
int transaction_apply(const struct transaction *t, const struct policy_set *set, unsigned flags,
	uint64_t try_usec, struct settings *ret, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);

/** Writes this one wish again. Holds and tries are as with APPLY_UNATTENDED. */
int transaction_reapply(const struct transaction *t, const struct policy_set *set,
	const char *setting, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);

/**
 * Gives back every original, last written first. What reads as somebody else has set it is left,
 * unless forced. Until the next transaction_apply() that is attended nothing is written again.
 * 0, also when settings were left or refused; then a problem is one of the journal's that the next
 * program of rtmem will mend. -errno with a problem: nothing was written.
 */
int transaction_rollback(const struct transaction *t, bool force, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);

/** An apply that waits for its confirmation. */
struct try_state {
	bool pending;
	bool due; /* over: its time, or the boot that it belonged to */
	uint64_t left_usec; /* until then */
	uint64_t deadline_usec; /* CLOCK_BOOTTIME */
	size_t n_settings;
};
/** 0 also when nothing is there. */
int transaction_try_state(const struct transaction *t, struct try_state *ret);

/** Keeps what is being tried. -ENOENT: nothing is; -ETIME: too late. */
int transaction_confirm(
	const struct transaction *t, size_t *ret_n, char problem[static SETTING_REASON_MAX]);

/** Takes back what is being tried; with only_due if its time is over. 0 also when there was nothing to
 *  do; -errno with a problem. */
int transaction_revert(const struct transaction *t, bool only_due, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);

#endif
