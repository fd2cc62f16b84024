/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a run. A launched process is a session of its own, so its pid names a process group that
 * can't be anybody else's while the process or one of its group lives; signals go to the whole group, so
 * that helpers of a program don't outlive it when it's stopped. The status of an adopted process belongs
 * to whoever became its parent; newer kernels tell it to whoever has a pidfd too. On others we see that it
 * ended, not how, and reckon with the worse.
 */
#include "daemon/end.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/react.h"
#include "daemon/record.h"
#include "daemon/report.h"
#include "daemon/store.h"
#include "host/pidfd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define COLLECT_USEC   1000000u /* for the parent of an adopted process to collect it */
#define TIMER_ACCURACY 10000u
#define SEGV_TEXT      "signal 11 " /* as describe_status() writes it: a fault beyond any mapping */

static void signal_group(const struct run *r, int sig) {
	if (kill(-r->pid, sig) == 0)
		return;
	/* not (yet) a group of its own: an adopted process, or setsid() is still to come */
	if (syscall(SYS_pidfd_send_signal, r->pidfd, sig, NULL, 0) < 0 && errno != ESRCH)
		log_warning(
			"can't send signal %d to pid %d: %s", sig, (int)r->pid, strerror(errno));
}

static int on_kill_time(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;
	char timeout[UNITS_TEXT_MAX];

	log_event(MESSAGE_KILLED, LOG_WARNING, p->name, NULL,
		"still there after %s: killing pid %d",
		format_duration(p->policy->stop.timeout_usec, timeout), (int)p->run->pid);
	signal_group(p->run, SIGKILL);
	return 0;
}

void end_continue(struct process *p) {
	struct run *r = p->run;
	int k = sd_event_add_time(p->manager->event, &r->kill_timer, CLOCK_MONOTONIC,
		r->kill_at_usec, TIMER_ACCURACY, on_kill_time, p);

	if (k < 0)
		signal_group(r, SIGKILL);
	else
		(void)sd_event_source_set_description(r->kill_timer, "rtmemd-kill-timer");
}

void end_begin(struct process *p, int sig) {
	struct run *r = p->run;

	r->terminated = true;
	r->kill_at_usec = process_now(p) + p->policy->stop.timeout_usec;
	r->ready_timer = sd_event_source_disable_unref(r->ready_timer);
	r->poll_timer = sd_event_source_disable_unref(r->poll_timer);
	signal_group(r, sig);
	signal_group(r, SIGCONT); /* a stopped process wouldn't hear it */
	record_write_late(p);
	end_continue(p);
}

static int on_delay_over(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;

	p->n_restarts++;
	process_dispatch(p, EVENT_DELAY_OVER);
	return 0;
}

void end_delay(struct process *p) {
	p->delay_until_usec = process_now(p) +
		restart_policy_delay(&p->policy->restart, p->history.n_row);
	record_write_late(p);
	end_delay_continue(p);
}

void end_delay_continue(struct process *p) {
	int k = sd_event_add_time(p->manager->event, &p->delay_timer, CLOCK_MONOTONIC,
		p->delay_until_usec, TIMER_ACCURACY, on_delay_over, p);

	if (k < 0) {
		process_failure(p, "no timer for the restart: %s", strerror(-k));
		process_dispatch(p, EVENT_EXIT_FAILED);
		return;
	}
	(void)sd_event_source_set_description(p->delay_timer, "rtmemd-restart-timer");
}

static enum exit_cause describe_status(int status, char *buf, size_t size) {
	if (WIFEXITED(status)) {
		snprintf(buf, size, "exit status %d", WEXITSTATUS(status));
		return WEXITSTATUS(status) == 0 ? EXIT_CAUSE_CLEAN : EXIT_CAUSE_FAILURE;
	}
	snprintf(buf, size, "signal %d (%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
		WCOREDUMP(status) ? ", core dumped" : "");
	return EXIT_CAUSE_FAILURE;
}

/* As wait() would have it. -EAGAIN: whoever is its parent now hasn't asked yet. */
static int collect(const struct run *r, int *ret_status) {
	siginfo_t info = { .si_pid = 0 };

	if (waitid((idtype_t)P_PIDFD, (id_t)r->pidfd, &info, WEXITED | WNOHANG) < 0 ||
		info.si_pid == 0)
		return pidfd_exit_status(r->pidfd, ret_status);
	*ret_status = info.si_code == CLD_EXITED
		? W_EXITCODE(info.si_status, 0)
		: W_EXITCODE(0, info.si_status) | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 0;
}

enum exit_cause end_describe(int error, int status, char *buf, size_t size) {
	if (error == 0)
		return describe_status(status, buf, size);
	snprintf(buf, size, "its status isn't known: it was adopted, %s",
		error == -EOPNOTSUPP	   ? "and this kernel tells it to its parent alone"
			: error == -EAGAIN ? "and its parent hasn't asked for it"
					   : "and it ended while no rtmemd ran");
	return EXIT_CAUSE_FAILURE;
}

/* What the limit has to do with it, before what went wrong */
static void explain_giving_up(struct process *p, const struct ending *e) {
	const struct restart_policy *policy = &p->policy->restart;
	char *last = p->failure, window[UNITS_TEXT_MAX];

	if (!restart_is_wanted(policy, e))
		return;
	p->failure = NULL;
	process_failure(p, "%u restarts within %s; last: %s; `rtmemctl start %s` tries again",
		p->history.n_restarts, format_duration(policy->window_usec, window),
		last ? last : "ended", p->name);
	free(last);
}

/* Does anybody want it started after this end? */
static bool is_wanted_again(const struct process *p, enum exit_cause cause) {
	if (cause == EXIT_CAUSE_VIOLATION)
		return p->policy->compliance.on_violation == VIOLATION_RESTART;
	return p->wanted == WANTED_RUNNING;
}

void end_reached(struct process *p, enum exit_cause cause) {
	uint64_t run_usec = p->run ? process_now(p) - p->run->began_usec : 0;

	if (p->run)
		store_drop(p);
	p->run = run_free(p->run);
	end_decide(p, cause, run_usec);
}

void end_decide(struct process *p, enum exit_cause cause, uint64_t run_usec) {
	struct ending e = {
		.cause = cause,
		.again = is_wanted_again(p, cause),
		.run_usec = run_usec,
	};
	enum process_event event;

	(void)cgroup_remove(p); /* not while others live in it */
	event = restart_decide(&p->policy->restart, &e, process_now(p), &p->history);
	if (p->removed && event != EVENT_EXIT_FAILED)
		event = EVENT_EXIT_DONE;
	if (event == EVENT_EXIT_FAILED)
		explain_giving_up(p, &e);
	if (event == EVENT_EXIT_NOW)
		p->n_restarts++;
	if (event == EVENT_EXIT_DONE || event == EVENT_EXIT_NOW)
		free(TAKE(p->failure));
	react_stopped(p);
	process_dispatch(p, event);
}

/* The only thing in a policy that makes a sound program end so. */
static void name_stack(const struct process *p, const char *how, char *buf, size_t size) {
	const struct stack_policy *stack = &p->policy->memory.stack;
	char bytes[UNITS_TEXT_MAX];

	if (strncmp(how, SEGV_TEXT, strlen(SEGV_TEXT)) != 0 || stack->threads_bytes == 0)
		snprintf(buf, size, "%s", how);
	else
		snprintf(buf, size,
			"%s; memory.stack.threads gives each thread %s: one that goes deeper ends so",
			how, format_size(stack->threads_bytes, bytes));
}

static void ended(struct process *p, int error, int status) {
	const struct run *r = p->run;
	char how[96], text[256];
	enum exit_cause cause = end_describe(error, status, how, sizeof(how));

	name_stack(p, how, text, sizeof(text));
	log_event(MESSAGE_ENDED, LOG_INFO, p->name, NULL, "pid %d ended: %s", (int)r->pid, text);
	if (r->cause != EXIT_CAUSE_CLEAN)
		cause = r->cause;
	else if (r->failure)
		process_failure(p, "%s", r->failure);
	else if (cause == EXIT_CAUSE_FAILURE)
		process_failure(p, "ended: %s", text);
	end_reached(p, cause);
}

static int on_collect_time(sd_event_source *s, uint64_t usec, void *userdata) {
	ended(userdata, -EAGAIN, 0);
	return 0;
}

/* How an adopted process ended is known once its parent has collected it. Until then its descriptor is
 * readable all the time: only the hang-up is waited for, and not for ever. */
static int await_parent(struct process *p) {
	struct run *r = p->run;
	int k = sd_event_add_time_relative(p->manager->event, &r->collect_timer, CLOCK_MONOTONIC,
		COLLECT_USEC, TIMER_ACCURACY, on_collect_time, p);

	if (k >= 0)
		k = sd_event_source_set_io_events(r->exit_source, 0);
	r->uncollected = k >= 0;
	return k;
}

static int on_exit_event(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	struct process *p = userdata;
	int status = 0, k;

	if (!p->run->uncollected)
		report_drain(p);
	k = collect(p->run, &status);
	if (k == -EAGAIN && !p->run->uncollected && await_parent(p) >= 0)
		return 0;
	ended(p, k, status);
	return 0;
}

int end_watch(struct process *p, struct run *r) {
	int k = sd_event_add_io(
		p->manager->event, &r->exit_source, r->pidfd, EPOLLIN, on_exit_event, p);

	if (k < 0)
		return k;
	/* after its last messages, which may say why */
	(void)sd_event_source_set_priority(r->exit_source, SD_EVENT_PRIORITY_NORMAL + 10);
	return sd_event_source_set_description(r->exit_source, "rtmemd-process-exit");
}
