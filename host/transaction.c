/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desired x actual x journal -> writes, and then the writes. First everything is planned, so that a dry
 * run says exactly what a real one would do; then all that is going to be written is in the journal, by
 * one save, before the first write. A second apply plans nothing, and so touches nothing.
 */
#include "host/transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "host/job.h"
#include "libpolicy/wish.h"

/* ---- planning ---------------------------------------------------------------------------------- */

/* A restart, an upgrade or a directory that isn't mounted yet gives nothing back: a person does. */
static int leave_unattended(struct job *job, size_t n_before) {
	struct host_write *last;

	if (job->writes.n_items == n_before)
		return 0;
	last = &job->writes.items[n_before];
	if (last->outcome != WRITE_PLANNED)
		return 0;
	return write_judge(last, WRITE_LEFT,
		"no policy wants it any more; `rtmemctl apply` gives back what it was before");
}

/* Originals of what no policy wants any more. */
static int plan_returns(struct job *job, const struct policy_set *set, bool unattended) {
	struct journal *j = &job->journal;
	size_t first = job->writes.n_items;
	int r = 0;

	for (size_t i = 0; i < j->n_entries && r == 0; i++) {
		struct journal_entry *e = &j->entries[i];
		size_t n_before = job->writes.n_items;
		bool there;

		if (wish_find(set->wishes, set->n_wishes, e->setting) ||
			(unattended && journal_find_held(j, e->setting, NULL)))
			continue;
		r = job_plan_back(job, e, e->original, false, &there);
		if (r == 0 && unattended)
			r = leave_unattended(job, n_before);
	}
	job_sort(job, first, true);
	return r;
}

/* What can't be read can't be put back either. */
static bool is_to_be_written(
	const struct job *job, const struct setting_state *s, bool unattended) {
	return s->result == SETTING_DRIFT && *s->actual && !s->report &&
		!(unattended && journal_find_held(&job->journal, s->setting, s->wanted));
}

static int plan_writes(
	struct job *job, const struct settings *s, const char *only, bool unattended) {
	size_t first = job->writes.n_items;

	for (size_t i = 0; i < s->n_items; i++) {
		const struct setting_state *item = &s->items[i];

		if ((only && strcmp(only, item->setting) != 0) ||
			!is_to_be_written(job, item, unattended))
			continue;
		if (!job_add(job, item->setting, item->actual, item->wanted, false))
			return -ENOMEM;
	}
	job_sort(job, first, false);
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int refuse_all(struct job *job) {
	int r = 0;

	for (size_t i = 0; i < job->writes.n_items && r == 0; i++)
		if (job->writes.items[i].outcome == WRITE_PLANNED)
			r = write_judge(&job->writes.items[i], WRITE_REFUSED, job->problem);
	return r;
}

static void begin_try(struct job *job, uint64_t try_usec) {
	job->journal.try_duration_usec = try_usec;
	job->journal.try_deadline_usec = boot_time_usec() + try_usec;
	strcpy(job->journal.try_boot, job->boot);
}

static int prepare_all(struct job *job, uint64_t try_usec) {
	int r = 0;

	for (size_t i = 0; i < job->writes.n_items && r == 0; i++)
		if (job->writes.items[i].outcome == WRITE_PLANNED)
			r = job_prepare(job, &job->writes.items[i], try_usec > 0);
	if (try_usec > 0)
		begin_try(job, try_usec);
	return r;
}

static int call_off(struct job *job, int error) {
	snprintf(job->problem, SETTING_REASON_MAX,
		"nothing would take the change back when its time is over: %s", strerror(-error));
	(void)job_end_try(job);
	(void)journal_release(&job->journal);
	(void)journal_save(job->t->state_dir, &job->journal);
	return error;
}

/* What stands before `first` was given back by the end of something older. If it's wanted again, its entry
 * in the journal is a new one, and stays. */
static int write_planned(struct job *job, size_t first, uint64_t try_usec) {
	int r = 0;

	for (size_t i = first; i < job->writes.n_items && r == 0; i++)
		if (job->writes.items[i].outcome == WRITE_PLANNED)
			r = job_write(job, &job->writes.items[i]);
	if (r < 0)
		return r;
	for (size_t i = first; i < job->writes.n_items; i++) {
		const struct host_write *w = &job->writes.items[i];

		if (w->back && w->outcome == WRITE_DONE && try_usec == 0)
			journal_remove(&job->journal, w->setting);
	}
	if (try_usec > 0) /* who confirms has all the time, however long the writes took */
		begin_try(job, try_usec);
	(void)job_save(job);
	return 0;
}

static int carry_out(struct job *job, size_t first, bool touched, uint64_t try_usec) {
	int r;

	if (host_writes_count(&job->writes, WRITE_PLANNED) == 0)
		return touched ? job_save(job) : 0;
	r = prepare_all(job, try_usec);
	if (r < 0)
		return r;
	if (job_save(job) < 0)
		return refuse_all(job);
	if (try_usec > 0 && job->t->on_try) {
		r = job->t->on_try(job->t);
		if (r < 0)
			return call_off(job, r);
	}
	return write_planned(job, first, try_usec);
}

/* ---- how it stands afterwards ------------------------------------------------------------------ */

static const struct host_write *find_trouble(const struct host_writes *w, const char *setting) {
	for (size_t i = 0; i < w->n_items; i++)
		if (!w->items[i].back && strcmp(w->items[i].setting, setting) == 0 &&
			(w->items[i].outcome == WRITE_SHORT ||
				w->items[i].outcome == WRITE_REFUSED))
			return &w->items[i];
	return NULL;
}

/* What a write ran into says more than what can be read afterwards. */
static int take_over_reasons(struct settings *s, const struct host_writes *w) {
	int r = 0;

	for (size_t i = 0; i < s->n_items && r == 0; i++) {
		const struct host_write *trouble = find_trouble(w, s->items[i].setting);

		if (trouble && s->items[i].result == SETTING_DRIFT)
			r = setting_state_judge(&s->items[i], SETTING_DRIFT, trouble->reason);
	}
	return r;
}

static int hand_over(struct job *job, const struct policy_set *set, struct settings *ret,
	struct host_writes *w) {
	int r = settings_diff(set, job->t->root, job->t->state_dir, ret);

	if (r == 0)
		r = take_over_reasons(ret, &job->writes);
	if (r < 0)
		return r;
	*w = job->writes;
	job->writes = (struct host_writes){ 0 };
	return 0;
}

/* ---- for everybody ----------------------------------------------------------------------------- */

struct request {
	const struct policy_set *set;
	const char *only; /* NULL = all, and what isn't wanted any more */
	unsigned flags;
	uint64_t try_usec;
};

static int plan(struct job *job, const struct request *q, const struct settings *now) {
	bool unattended = q->flags & APPLY_UNATTENDED;
	int r = q->only ? 0 : plan_returns(job, q->set, unattended);

	return r < 0 ? r : plan_writes(job, now, q->only, unattended);
}

static int refuse_during_try(struct job *job) {
	snprintf(job->problem, SETTING_REASON_MAX,
		"a change is being tried: `rtmemctl confirm` keeps it, `rtmemctl rollback --tried` "
		"takes it back at once");
	return -EALREADY;
}

/* Without lock or journal nothing may be written: each setting says so. */
static int refuse_work(struct job *job, const struct request *q) {
	_cleanup_settings_ struct settings now = { 0 };
	int r = settings_diff(q->set, job->t->root, NULL, &now);

	if (r == 0)
		r = plan_writes(job, &now, q->only, q->flags & APPLY_UNATTENDED);
	return r < 0 || q->flags & APPLY_DRY_RUN ? r : refuse_all(job);
}

static int work(struct job *job, const struct request *q) {
	_cleanup_settings_ struct settings now = { 0 };
	bool dry = q->flags & APPLY_DRY_RUN;
	bool touched = job->journal.rolling_back || job_try_is_due(job);
	int r = dry ? 0 : job_settle(job);
	size_t first = job->writes.n_items;

	if (r < 0)
		return r == -ENOMEM ? r : refuse_work(job, q);
	if (job->journal.try_deadline_usec && !job_try_is_due(job)) {
		/* nobody asked for a decision: it goes on */
		return q->flags & APPLY_UNATTENDED ? 0 : refuse_during_try(job);
	}
	if (!(q->flags & APPLY_UNATTENDED) && !dry)
		touched |= journal_release(&job->journal);
	r = settings_diff(q->set, job->t->root, NULL, &now);
	if (r == 0)
		r = plan(job, q, &now);
	return r < 0 || dry ? r : carry_out(job, first, touched, q->try_usec);
}

static int run(const struct transaction *t, const struct request *q, struct settings *ret,
	struct host_writes *ret_writes, char *problem) {
	_cleanup_job_ struct job job;
	int r = job_init(&job, t, q->flags & APPLY_DRY_RUN, problem);

	*ret = (struct settings){ 0 };
	*ret_writes = (struct host_writes){ 0 };
	if (r < 0 && r != -EWOULDBLOCK)
		r = refuse_work(&job, q);
	else if (r == 0)
		r = work(&job, q);
	if (r == 0)
		r = hand_over(&job, q->set, ret, ret_writes);
	if (r == -ENOMEM)
		snprintf(problem, SETTING_REASON_MAX, "%s", strerror(ENOMEM));
	return r;
}

int transaction_apply(const struct transaction *t, const struct policy_set *set, unsigned flags,
	uint64_t try_usec, struct settings *ret, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	const struct request q = { .set = set, .flags = flags, .try_usec = try_usec };

	return run(t, &q, ret, ret_writes, problem);
}

int transaction_reapply(const struct transaction *t, const struct policy_set *set,
	const char *setting, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	const struct request q = { .set = set, .only = setting, .flags = APPLY_UNATTENDED };
	_cleanup_settings_ struct settings all = { 0 };

	return run(t, &q, &all, ret_writes, problem);
}
