/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adoption: managed processes outlive the daemon, so a new daemon looks for them before it starts
 * anything. Never twice the same program: a record whose pid and start time still match is the process.
 *
 * The record says how far things were when the former daemon ended, in whatever way. What was under way
 * goes on: a stop with the rest of its time, a pause before a restart with the rest of that, a process
 * that was stopped or had failed stays so. A launch that was cut off is completed when the library's word
 * is there or can still come, else undone: stopped, and launched anew. All of it is told.
 */
#include "daemon/survive/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/launch/cgroup.h"
#include "daemon/launch/launch.h"
#include "daemon/life/end.h"
#include "daemon/life/ready.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/missed.h"
#include "daemon/survive/resume.h"
#include "daemon/survive/store.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/report.h"
#include "host/pidfd.h"

/* ---- a process that lives ------------------------------------------------------------------------------ */

static void compare_plan(struct process *p, struct run *r) {
	r->outdated = launch_would_differ(p, r->plan_hash);
	if (r->outdated)
		run_note(r, "launch",
			"was started under an older policy or release: `rtmemctl restart %s` applies the "
			"present one",
			p->name);
}

static void take_record(
	struct process *p, struct run *r, const struct record *record, struct kept *kept) {
	r->adopted = true;
	p->session_adopted = true;
	r->plan_hash = record->plan_hash;
	r->injection_wanted = record->injection_wanted;
	r->seal.in_force = record->sealed;
	r->cause = record->cause > EXIT_CAUSE_NO_LAUNCH ? EXIT_CAUSE_FAILURE : record->cause;
	if (record->began_usec > 0)
		r->began_usec = record->began_usec;
	if (record->have_report)
		(void)run_keep_report(r, &record->report);
	r->begun = record->begun || record->have_report ||
		(!record->injection_wanted && !launch_is_helper(r->pid));
	r->report_fd = TAKE_FD(kept->report_fd);
	if (r->report_fd >= 0 && report_watch(p) < 0)
		r->report_fd = close_fd(r->report_fd);
}

/* With its socket, which is stored after the go, all else can still come. Without, it doesn't count as
 * launched when its library has reported to nobody, or when nothing shows that it ever got its go. */
static bool was_cut(const struct run *r, const struct record *record) {
	if (record->state != PROCESS_STARTING || r->report_fd >= 0 || r->report)
		return false;
	return launch_is_helper(r->pid) || (r->injection_wanted && !r->injection_cause);
}

static void go_on_stopping(struct process *p, const struct record *record) {
	struct run *r = p->run;

	p->state = PROCESS_STOPPING;
	if (!record->terminated || record->kill_at_usec == 0) { /* it was meant, not done */
		end_begin(p, p->policy->stop.signal);
		return;
	}
	r->terminated = true;
	p->kill_at_usec = record->kill_at_usec;
	end_continue(p);
}

static void go_on_starting(struct process *p, const struct record *record) {
	struct run *r = p->run;

	p->state = record->state == PROCESS_STARTING ? PROCESS_STARTING : PROCESS_PREPARING;
	if (was_cut(r, record)) {
		log_event(MESSAGE_ADOPTED, LOG_WARNING, p->name, NULL,
			"its launch was cut off when the former rtmemd ended: pid %d is stopped, and it's "
			"launched anew",
			(int)r->pid);
		process_dispatch(p, EVENT_RESTART);
		return;
	}
	(void)ready_begin(p);
	if (p->state == PROCESS_STARTING && r->begun)
		process_dispatch(p, EVENT_INIT);
	else if (p->policy->ready.when == READY_EXEC && p->state == PROCESS_PREPARING)
		ready_prepare(p);
}

static void go_on(struct process *p, const struct record *record) {
	p->compliance = COMPLIANCE_PENDING;
	if (record->state == PROCESS_STOPPING)
		go_on_stopping(p, record);
	else if (!record->ready)
		go_on_starting(p, record);
	else {
		p->state = PROCESS_RUNNING;
		ready_resumed(p);
	}
}

/* A zombie that nobody has collected yet has its pid and start time still. */
static bool has_ended(int pidfd) {
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What was kept may be an earlier run's: a manager that doesn't listen isn't told of its end. Then nothing
 * of it is of use, but for its pidfd, as a sign that the manager has something to forget. */
static bool is_of(const struct kept *kept, const struct record *record) {
	return kept->pidfd >= 0 && !has_ended(kept->pidfd) && pidfd_pid(kept->pidfd) == record->pid;
}

/* By the descriptor that was kept, if there's one; else by pid and start time. */
static int find_process(
	struct process *p, const struct record *record, const struct kept *from, struct run **ret) {
	int kept = is_of(from, record) ? fcntl(from->pidfd, F_DUPFD_CLOEXEC, 0) : -1;
	struct run *r;
	int k;

	k = kept >= 0 ? run_new_with(p, record->pid, kept, &r) : run_new(p, record->pid, &r);
	if (k < 0)
		return k;
	if (r->start_ticks == record->start_ticks && !has_ended(r->pidfd)) {
		*ret = r;
		return 0;
	}
	run_free(r);
	return -ESRCH;
}

static int adopt(struct process *p, const struct record *record, struct kept *kept) {
	struct run *r;
	int k = find_process(p, record, kept, &r);

	if (k < 0)
		return k;
	if (!is_of(kept, record))
		kept_drop_others(kept);
	p->run = r;
	take_record(p, r, record, kept);
	resume_run(p, record, kept);
	compare_plan(p, r);
	(void)cgroup_apply(p);
	log_event(MESSAGE_ADOPTED, LOG_INFO, p->name, NULL, "adopted: still runs as pid %d",
		(int)r->pid);
	go_on(p, record);
	if (p->run == r) {
		store_run(p);
		record_write_late(p);
	}
	return 0;
}

/* ---- whether it does or not ------------------------------------------------------------------------ */

static void take_history(struct process *p, const struct record *record) {
	p->waiting = false; /* from here on it is what the record says, or begins anew */
	p->wanted = record->wanted;
	p->wanted_by = record->wanted_by;
	p->n_restarts = record->n_restarts;
	p->history = record->history;
	p->session = record->session;
	p->plan_hash = record->plan_hash;
	if (*record->failure)
		process_failure(p, "%s", record->failure);
}

static bool is_gone(int error) {
	return error == -ESRCH || error == -ENOENT || error == -ESTALE || error == -EBADMSG;
}

static bool adopt_recorded(struct process *p, const struct record *record) {
	CLEANUP(kept_done) struct kept kept;
	int r;

	store_take(&p->manager->store, p->name, record->n_tasks, &kept);
	take_history(p, record);
	if (record->pid == 0)
		return missed_nothing(p, record);
	r = adopt(p, record, &kept);
	if (r == 0)
		return true;
	if (is_gone(r))
		return missed_end(p, record, &kept);
	/* It may well run: starting a second one would be worse than starting none. */
	process_failure(p, "can't tell whether pid %d of an earlier rtmemd still runs: %s",
		(int)record->pid, strerror(-r));
	p->state = PROCESS_FAILED;
	log_event(MESSAGE_FAILED, LOG_ERR, p->name, NULL, "failed: %s", p->failure);
	react_stopped(p);
	return true;
}

bool adopt_process(struct process *p) {
	struct record record = { .pid = 0 };
	int r = record_read(p, &record);

	if (r == 0)
		return adopt_recorded(p, &record);
	if (is_gone(r)) {
		record_remove(p);
		return false;
	}
	process_failure(p, "its record can't be read, so whether it still runs isn't known: %s",
		strerror(-r));
	p->state = PROCESS_FAILED;
	log_event(MESSAGE_FAILED, LOG_ERR, p->name, NULL, "failed: %s", p->failure);
	react_stopped(p);
	return true;
}

/* ---- what no policy claims --------------------------------------------------------------------------- */

static bool still_runs(const struct record *record) {
	struct fault_count unused;
	uint64_t start_ticks;

	return record->pid > 0 && process_stat_read(record->pid, 0, &unused, &start_ticks) == 0 &&
		start_ticks == record->start_ticks;
}

/* A record that no policy claims: its process goes on until somebody says otherwise. */
static void look_at_unclaimed(struct manager *m, char *name) {
	struct process unclaimed = { .manager = m, .name = name };
	struct record record = { .pid = 0 };
	int r;

	if (manager_find(m, name))
		return;
	r = record_read(&unclaimed, &record);
	if (r == 0 && (manager_find_pid(m, record.pid) || !still_runs(&record)))
		r = -ESRCH;
	if (r == 0)
		log_event(MESSAGE_ADOPTED, LOG_WARNING, name, NULL,
			"still runs as pid %d, but no policy names it any more: it's left alone; "
			"end it by hand, or name it again to have it adopted",
			(int)record.pid);
	else if (is_gone(r))
		record_remove(&unclaimed);
}

static bool has_record(const char *name, void *userdata) {
	struct process named = { .manager = userdata, .name = (char *)name };
	struct record record;

	return record_read(&named, &record) == 0 && record.pid > 0;
}

void adopt_finish(struct manager *m) {
	record_each(m, look_at_unclaimed);
	store_drop_others(&m->store, has_record, m);
}
