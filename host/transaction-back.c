/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going back: to the originals, or to what was there before a try. What somebody else has written since
 * is told and left. The journal says that we're on the way before the first write, so that whoever
 * comes after a crash finishes it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "host/job.h"

static int leave(struct job *job, const struct journal_entry *e, const char *actual, const char *to,
	const char *reason) {
	struct host_write *w = job_add(job, e->setting, actual, to, true);

	return w ? write_judge(w, WRITE_LEFT, reason) : -ENOMEM;
}

static int leave_foreign(
	struct job *job, const struct journal_entry *e, const char *actual, const char *to) {
	char reason[SETTING_REASON_MAX];

	snprintf(reason, sizeof(reason),
		"it reads %.100s, and rtmem had left it at %.100s: somebody else has set it since; "
		"`rtmemctl rollback --force` sets it to %.100s all the same",
		*actual ? actual : "nothing", e->written ? e->written : "nothing", to);
	return leave(job, e, actual, to, reason);
}

int job_plan_back(struct job *job, const struct journal_entry *e, const char *to, bool force,
	bool *ret_there) {
	_cleanup_free_ char *actual = NULL;
	char reason[SETTING_REASON_MAX];
	int r;

	/* of a machine that was started anew nothing of ours is left to go back */
	*ret_there = !force && journal_is_of_another_boot(e, job->boot);
	if (*ret_there)
		return 0;
	r = setting_read(job->t->root, e->setting, &actual);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(reason, sizeof(reason), "it can't be read: %s", strerror(-r));
		return leave(job, e, "", to, reason);
	}
	*ret_there = setting_same(e->setting, to, actual);
	if (*ret_there)
		return 0;
	if (!force && !journal_is_ours(e, actual))
		return leave_foreign(job, e, actual, to);
	return job_add(job, e->setting, actual, to, true) ? 0 : -ENOMEM;
}

/* All that is planned is noted, saved, and then written. */
static int write_all_back(struct job *job, size_t first) {
	int r = 0;

	job_sort(job, first, true);
	for (size_t i = first; i < job->writes.n_items && r == 0; i++)
		if (job->writes.items[i].outcome == WRITE_PLANNED)
			r = job_prepare(job, &job->writes.items[i], false);
	if (r == 0)
		r = job_save(job);
	for (size_t i = first; i < job->writes.n_items && r == 0; i++)
		if (job->writes.items[i].outcome == WRITE_PLANNED)
			r = job_write(job, &job->writes.items[i]);
	return r;
}

static const struct host_write *find_write(const struct job *job, size_t first, const char *name) {
	for (size_t i = first; i < job->writes.n_items; i++)
		if (strcmp(job->writes.items[i].setting, name) == 0)
			return &job->writes.items[i];
	return NULL;
}

/* ---- rollback ---------------------------------------------------------------------------------- */

static void forget_try(struct journal *j) {
	j->try_deadline_usec = 0;
	for (size_t i = 0; i < j->n_entries; i++) {
		struct journal_entry *e = &j->entries[i];

		(void)journal_set(&e->before, NULL);
		(void)journal_set(&e->prior, NULL);
		e->fresh = e->returned = false;
	}
}

int job_rollback(struct job *job, bool force) {
	struct journal *j = &job->journal;
	size_t first = job->writes.n_items;
	bool there;
	int r = 0;

	forget_try(j);
	j->rolling_back = true;
	j->rollback_force = force;
	for (size_t i = 0; i < j->n_entries && r == 0; i++) {
		r = journal_hold(j, j->entries[i].setting, NULL, HELD_ROLLED_BACK);
		if (r == 0)
			r = job_plan_back(
				job, &j->entries[i], j->entries[i].original, force, &there);
	}
	if (r == 0)
		r = write_all_back(job, first);
	if (r < 0)
		return r;
	for (size_t i = j->n_entries; i-- > 0;) {
		const struct host_write *w = find_write(job, first, j->entries[i].setting);

		if (!w || w->outcome == WRITE_DONE)
			journal_remove(j, j->entries[i].setting);
	}
	j->rolling_back = j->rollback_force = false;
	return 0;
}

/* ---- the end of a try -------------------------------------------------------------------------- */

bool job_try_is_due(const struct job *job) {
	const struct journal *j = &job->journal;

	if (!j->try_deadline_usec)
		return false;
	if (j->try_boot[0] && job->boot[0] && strcmp(j->try_boot, job->boot) != 0)
		return true;
	return boot_time_usec() >= j->try_deadline_usec;
}

/* The setting is as before the try: so is what's known about it. */
static void end_entry(struct journal *j, struct journal_entry *e, const struct host_write *w) {
	char *prior = TAKE(e->prior);

	(void)journal_set(&e->before, NULL);
	e->returned = false;
	if (w && w->outcome != WRITE_DONE) { /* still to go back: by a rollback */
		e->fresh = false;
		free(prior);
		return;
	}
	if (e->fresh) {
		free(prior);
		journal_remove(j, e->setting);
		return;
	}
	free(e->written);
	e->written = prior;
}

static int end_try(struct job *job, size_t first) {
	struct journal *j = &job->journal;

	for (size_t i = j->n_entries; i-- > 0;) {
		struct journal_entry *e = &j->entries[i];
		int r;

		if (!e->before)
			continue;
		r = journal_hold(j, e->setting, e->returned ? NULL : e->wanted, HELD_TRIED);
		if (r < 0)
			return r;
		end_entry(j, e, find_write(job, first, e->setting));
	}
	j->try_deadline_usec = 0;
	return 0;
}

int job_end_try(struct job *job) {
	return end_try(job, job->writes.n_items);
}

int job_revert(struct job *job) {
	struct journal *j = &job->journal;
	size_t first = job->writes.n_items;
	bool there;
	int r = 0;

	/* what was tried before the machine was started anew has gone with that */
	if (j->try_boot[0] && job->boot[0] && strcmp(j->try_boot, job->boot) != 0)
		return job_end_try(job);
	for (size_t i = 0; i < j->n_entries && r == 0; i++)
		if (j->entries[i].before)
			r = job_plan_back(job, &j->entries[i], j->entries[i].before, false, &there);
	if (r == 0)
		r = write_all_back(job, first);
	return r < 0 ? r : end_try(job, first);
}

int job_settle(struct job *job) {
	bool rolling_back = job->journal.rolling_back;

	if (!rolling_back && !job_try_is_due(job))
		return 0;
	return rolling_back ? job_rollback(job, job->journal.rollback_force) : job_revert(job);
}

/* ---- for everybody ----------------------------------------------------------------------------- */

static void hand_over(struct job *job, struct host_writes *ret) {
	*ret = job->writes;
	job->writes = (struct host_writes){ 0 };
}

static int finish(struct job *job, int r, struct host_writes *ret) {
	if (r == -ENOMEM && !*job->problem)
		snprintf(job->problem, SETTING_REASON_MAX, "%s", strerror(ENOMEM));
	hand_over(job, ret);
	return r;
}

int transaction_rollback(const struct transaction *t, bool force, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	_cleanup_job_ struct job job;
	int r = job_init(&job, t, false, problem);

	if (r == 0 && job.journal.n_entries > 0) {
		r = job_rollback(&job, force);
		if (r == 0)
			(void)job_save(
				&job); /* if not, the next one finds it half done, and ends it */
	}
	return finish(&job, r, ret_writes);
}

/* The guard of a try that was confirmed comes for nothing: it stands in nobody's way. */
static bool has_something_to_revert(const struct transaction *t, bool only_due) {
	struct try_state s;

	return transaction_try_state(t, &s) < 0 || (only_due ? s.due : s.pending);
}

int transaction_revert(const struct transaction *t, bool only_due, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	_cleanup_job_ struct job job;
	int r = job_init(&job, t, !has_something_to_revert(t, only_due), problem);

	if (r == 0 && job.lock >= 0 && job.journal.try_deadline_usec &&
		(!only_due || job_try_is_due(&job))) {
		r = job_revert(&job);
		if (r == 0)
			(void)job_save(&job);
	}
	return finish(&job, r, ret_writes);
}

int transaction_confirm(
	const struct transaction *t, size_t *ret_n, char problem[static SETTING_REASON_MAX]) {
	_cleanup_job_ struct job job;
	struct journal *j = &job.journal;
	int r = job_init(&job, t, false, problem);

	*ret_n = 0;
	if (r < 0)
		return r;
	if (!j->try_deadline_usec) {
		snprintf(problem, SETTING_REASON_MAX, "nothing is being tried");
		return -ENOENT;
	}
	if (job_try_is_due(&job)) {
		snprintf(problem, SETTING_REASON_MAX,
			"too late: the time is over, and what was tried is taken back");
		return -ETIME;
	}
	for (size_t i = j->n_entries; i-- > 0;) {
		const struct journal_entry *e = &j->entries[i];

		*ret_n += e->before != NULL;
		if (e->returned && e->written && setting_same(e->setting, e->original, e->written))
			journal_remove(j, e->setting);
	}
	forget_try(j);
	return job_save(&job);
}

int transaction_try_state(const struct transaction *t, struct try_state *ret) {
	char problem[SETTING_REASON_MAX];
	_cleanup_job_ struct job job;
	int r = job_init(&job, t, true, problem);
	uint64_t now = boot_time_usec();

	*ret = (struct try_state){ .pending = false };
	if (r < 0 || !job.journal.try_deadline_usec)
		return r;
	ret->pending = true;
	ret->deadline_usec = job.journal.try_deadline_usec;
	ret->due = job_try_is_due(&job);
	ret->left_usec = ret->due || ret->deadline_usec < now ? 0 : ret->deadline_usec - now;
	for (size_t i = 0; i < job.journal.n_entries; i++)
		ret->n_settings += job.journal.entries[i].before != NULL;
	return 0;
}
