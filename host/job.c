/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One way for every write: noted as pending in the journal, that saved, the setting written, read back,
 * noted as done. A job that's killed in between leaves an entry that says "pending", which means: what
 * is found there may be ours, whatever it is.
 */
#include "host/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "host/lock.h"

/* ---- begin and end ----------------------------------------------------------------------------- */

static int explain_lock(struct job *job, int error, pid_t holder) {
	const char *dir = job->t->state_dir;

	if (error == -EWOULDBLOCK)
		snprintf(job->problem, SETTING_REASON_MAX,
			"another program of rtmem (pid %d) is writing settings: it holds %.200s/lock",
			(int)holder, dir);
	else if (error == -EPERM)
		snprintf(job->problem, SETTING_REASON_MAX,
			"%.200s can be written by others, or isn't ours: originals kept there "
			"couldn't be believed",
			dir);
	else
		snprintf(job->problem, SETTING_REASON_MAX,
			"original values can't be kept: %.200s can't be locked: %s%s", dir,
			strerror(-error), error == -EACCES ? "; try as root" : "");
	return error;
}

int job_init(struct job *job, const struct transaction *t, bool look, char *problem) {
	pid_t holder;
	int r;

	*job = (struct job){ .t = t, .lock = -1, .problem = problem };
	*problem = '\0';
	boot_id_read(t->root, job->boot);
	if (t->state_dir && !look) {
		job->lock = host_lock(
			t->state_dir, t->no_wait ? LOCK_BRIEF_MSEC : LOCK_PATIENT_MSEC, &holder);
		if (job->lock < 0)
			return explain_lock(job, job->lock, holder);
	}
	r = journal_load(t->state_dir, &job->journal);
	if (r == -EBADMSG)
		snprintf(problem, SETTING_REASON_MAX,
			"%.200s/journal is damaged: nothing is written while the originals aren't "
			"known; repair it, or move it away to begin anew",
			t->state_dir);
	else if (r < 0)
		snprintf(problem, SETTING_REASON_MAX, "%.200s/journal can't be read: %s",
			t->state_dir, strerror(-r));
	return r;
}

void job_done(struct job *job) {
	journal_done(&job->journal);
	host_writes_done(&job->writes);
	job->lock = close_fd(job->lock);
}

int job_save(struct job *job) {
	int r = journal_save(job->t->state_dir, &job->journal);

	if (r < 0)
		snprintf(job->problem, SETTING_REASON_MAX,
			"original values can't be saved in %.200s: %s", job->t->state_dir,
			strerror(-r));
	return r;
}

/* ---- one write --------------------------------------------------------------------------------- */

int job_prepare(struct job *job, struct host_write *w, bool trying) {
	struct journal_entry *e = journal_find(&job->journal, w->setting);
	int r = 0;

	w->first = !e;
	if (w->first)
		e = journal_add(&job->journal, w->setting, w->from);
	if (!e)
		return -ENOMEM;
	w->was_pending = e->pending;
	if (!w->back && !w->first && journal_is_of_another_boot(e, job->boot))
		r = journal_set(&e->original, w->from);
	if (trying) {
		e->fresh = w->first;
		e->returned = w->back;
		if (r == 0)
			r = journal_set(&e->before, w->from);
		if (r == 0)
			r = journal_set(&e->prior, e->written);
	}
	if (r == 0 && !w->back)
		r = journal_set(&e->wanted, w->to);
	e->pending = true;
	strcpy(e->boot, job->boot);
	return r;
}

/* What was read for the decision may have changed since: the very last value is the original. */
static int look_again(struct job *job, const struct host_write *w, struct journal_entry *e) {
	_cleanup_free_ char *actual = NULL;
	int r = setting_read(job->t->root, w->setting, &actual);

	if (r < 0 || strcmp(actual, w->from) == 0)
		return r == -ENOMEM ? r : 0;
	if (w->first)
		r = journal_set(&e->original, actual);
	if (r == 0 && e->before)
		r = journal_set(&e->before, actual);
	return r < 0 ? r : job_save(job);
}

static int read_back(struct job *job, struct host_write *w, struct journal_entry *e) {
	char reason[SETTING_REASON_MAX];
	_cleanup_free_ char *actual = NULL;
	int r = setting_read(job->t->root, w->setting, &actual);

	if (r < 0) {
		snprintf(reason, sizeof(reason), "it was written, but can't be read back: %s",
			strerror(-r));
		return write_judge(w, WRITE_SHORT, reason);
	}
	r = journal_set(&e->written, actual);
	if (r < 0)
		return r;
	e->pending = false;
	if (setting_same(w->setting, w->to, actual))
		return write_judge(w, WRITE_DONE, "");
	setting_explain_short(job->t->root, w->setting, w->to, actual, reason);
	return write_judge(w, WRITE_SHORT, reason);
}

/* Nothing was changed: nothing more is known of it than before. */
static int refuse(
	struct job *job, struct host_write *w, struct journal_entry *e, const char *reason) {
	if (w->first) {
		journal_remove(&job->journal, w->setting);
	} else {
		e->pending = w->was_pending;
		if (!w->back || e->returned) {
			(void)journal_set(&e->before, NULL);
			e->returned = false;
		}
	}
	return write_judge(w, WRITE_REFUSED, reason);
}

/* Then there is something to go back from, although the write failed. */
static bool is_partly_done(
	const struct job *job, const struct host_write *w, struct journal_entry *e) {
	_cleanup_free_ char *actual = NULL;

	if (!w->first || !setting_has_steps(w->setting) ||
		setting_read(job->t->root, w->setting, &actual) < 0 || !e->original ||
		strcmp(actual, e->original) == 0 || journal_set(&e->written, actual) < 0)
		return false;
	e->pending = false;
	return true;
}

int job_write(struct job *job, struct host_write *w) {
	struct journal_entry *e = journal_find(&job->journal, w->setting);
	char reason[SETTING_REASON_MAX];
	int r = look_again(job, w, e);

	if (r < 0)
		return r == -ENOMEM ? r : refuse(job, w, e, job->problem);
	/* -ENOMEM is the kernel's answer too, when there are no pages or no room for what was swapped */
	r = setting_write(job->t->root, w->setting, w->to, reason);
	if (r == 0)
		return read_back(job, w, e);
	if (is_partly_done(job, w, e))
		return write_judge(w, WRITE_SHORT, reason);
	return refuse(job, w, e, reason);
}
