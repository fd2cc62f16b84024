/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adoption: managed processes outlive the daemon, so a new daemon looks for them before it starts
 * anything. Never twice the same program: a record whose pid and start time still match is the process.
 * What the old daemon had counted is gone with it; the baseline starts anew, and a note says so.
 */
#include "daemon/adopt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/plan.h"
#include "daemon/cgroup.h"
#include "daemon/launch.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/react.h"
#include "daemon/ready.h"
#include "daemon/record.h"

static void compare_plan(struct process *p, struct run *r) {
	_cleanup_plan_ struct plan plan = { .n_steps = 0 };
	uint64_t hash;

	if (launch_make_plan(p, &plan) < 0 || launch_hash(&plan, &hash) < 0 || hash == r->plan_hash)
		return;
	r->outdated = true;
	run_note(r, "launch",
		"was started under an older policy or release: `rtmemctl restart %s` applies the present one",
		p->name);
}

static void take_record(struct process *p, struct run *r, const struct record *record) {
	r->adopted = true;
	r->begun = true;
	r->plan_hash = record->plan_hash;
	r->injection_wanted = record->injection_wanted;
	r->seal.in_force = record->sealed;
	if (record->have_report)
		(void)run_keep_report(r, &record->report);
	p->n_restarts = (uint32_t)record->n_restarts;
}

/* A zombie that nobody has collected yet has its pid and start time still. */
static bool has_ended(const struct run *r) {
	struct pollfd p = { .fd = r->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static int adopt(struct process *p, const struct record *record) {
	struct run *r;
	int k = run_new(p, record->pid, &r);

	if (k < 0)
		return k;
	/* the pid may be somebody else's by now */
	if (r->start_ticks != record->start_ticks || has_ended(r)) {
		run_free(r);
		return -ESRCH;
	}
	p->run = r;
	p->wanted = WANTED_RUNNING;
	take_record(p, r, record);
	compare_plan(p, r);
	(void)cgroup_apply(p);
	faults_attach_running(
		&r->faults, &p->manager->rings, r->pid, p->policy->children == CHILDREN_INHERIT);
	log_event(MESSAGE_ADOPTED, LOG_INFO, p->name, NULL, "adopted: still runs as pid %d",
		(int)r->pid);
	p->state = PROCESS_PREPARING;
	p->compliance = COMPLIANCE_PENDING;
	if (record->ready || p->policy->ready.when == READY_EXEC)
		process_dispatch(p, EVENT_READY);
	else
		(void)ready_begin(p);
	return 0;
}

static bool is_gone(int error) {
	return error == -ESRCH || error == -ENOENT || error == -ESTALE || error == -EBADMSG;
}

bool adopt_process(struct process *p) {
	struct record record = { .pid = 0 };
	int r = record_read(p, &record);

	if (r == 0)
		r = adopt(p, &record);
	if (r == 0)
		return true;
	if (is_gone(r)) {
		record_remove(p);
		return false;
	}
	/* It may well run: starting a second one would be worse than starting none. */
	process_failure(p, "can't tell whether pid %d of an earlier rtmemd still runs: %s",
		(int)record.pid, strerror(-r));
	p->state = PROCESS_FAILED;
	log_event(MESSAGE_FAILED, LOG_ERR, p->name, NULL, "failed: %s", p->failure);
	react_stopped(p);
	return true;
}

static bool still_runs(const struct record *record) {
	struct fault_count unused;
	uint64_t start_ticks;

	return process_stat_read(record->pid, 0, &unused, &start_ticks) == 0 &&
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

void adopt_finish(struct manager *m) {
	record_each(m, look_at_unclaimed);
}
