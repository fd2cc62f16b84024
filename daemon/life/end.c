/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of a run. It's over when the main process has ended and, if it was asked to end or is to be
 * started again, all others of its tree have too. The status of an adopted process belongs to whoever
 * became its parent; newer kernels tell it to whoever has a pidfd too. On others we see that it ended, not
 * how, and reckon with the worse.
 */
#include "daemon/life/end.h"

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
#include "daemon/launch/cgroup.h"
#include "daemon/life/order.h"
#include "daemon/life/reap.h"
#include "daemon/life/rest.h"
#include "daemon/life/tree.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/survive/record.h"
#include "daemon/survive/store.h"
#include "daemon/verdict/react.h"
#include "daemon/watch/report.h"
#include "host/pidfd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define COLLECT_USEC   1000000u /* for the parent of an adopted process to collect it */
#define TIMER_ACCURACY 10000u
#define SEGV_TEXT      "signal 11 " /* as describe_status() writes it: a fault beyond any mapping */

static int on_kill_time(sd_event_source *s, uint64_t usec, void *userdata) {
	struct process *p = userdata;
	char timeout[UNITS_TEXT_MAX], text[TREE_TEXT_MAX], pid[32] = "";
	struct members members;

	tree_list(p, &members);
	if (p->run)
		snprintf(pid, sizeof(pid), "pid %d%s", (int)p->run->pid,
			members.n_items > 0 ? " and " : "");
	log_event(MESSAGE_KILLED, LOG_WARNING, p->name, NULL, "still there after %s: killing %s%s",
		format_duration(p->policy->stop.timeout_usec, timeout), pid,
		members_describe(&members, text));
	members_done(&members);
	p->rest.killed = true;
	tree_kill(p);
	return 0;
}

void end_continue(struct process *p) {
	int k = sd_event_add_time(p->manager->event, &p->kill_timer, CLOCK_MONOTONIC,
		p->kill_at_usec, TIMER_ACCURACY, on_kill_time, p);

	if (k >= 0) {
		(void)sd_event_source_set_description(p->kill_timer, "rtmemd-kill-timer");
		return;
	}
	p->rest.killed = true;
	tree_kill(p);
}

static void start_kill_timer(struct process *p) {
	if (p->kill_timer)
		return;
	p->kill_at_usec = process_now(p) + p->policy->stop.timeout_usec;
	end_continue(p);
}

void end_begin(struct process *p, int sig) {
	struct run *r = p->run;

	r->terminated = true;
	r->ready_timer = sd_event_source_disable_unref(r->ready_timer);
	r->poll_timer = sd_event_source_disable_unref(r->poll_timer);
	r->watchdog_timer = sd_event_source_disable_unref(r->watchdog_timer);
	tree_signal_main(p, sig);
	tree_signal_main(p, SIGCONT); /* a stopped process wouldn't hear it */
	if (sig != SIGABRT) /* of that only the main process knows something */
		rest_ask(p);
	start_kill_timer(p);
	record_write_late(p);
}

void end_clear(struct process *p) {
	start_kill_timer(p);
	record_write_late(p);
	rest_await(p);
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
	process_failure(p, "%u restart%s within %s; last: %s; `rtmemctl start %s` tries again",
		p->history.n_restarts, p->history.n_restarts == 1 ? "" : "s",
		format_duration(policy->window_usec, window), last ? last : "ended", p->name);
	free(last);
}

/* Does anybody want it started after this end? */
static bool is_wanted_again(const struct process *p, enum exit_cause cause) {
	if (cause == EXIT_CAUSE_VIOLATION)
		return p->policy->compliance.on_violation == VIOLATION_RESTART;
	return p->wanted == WANTED_RUNNING;
}

void end_concluded(struct process *p) {
	struct ending *e = &p->ending;
	enum process_event event;

	p->kill_timer = sd_event_source_disable_unref(p->kill_timer);
	p->kill_at_usec = 0;
	p->rest.killed = false;
	members_done(&p->rest.asked);
	(void)cgroup_remove(p); /* not while others live in it */
	e->again = is_wanted_again(p, e->cause);
	event = restart_decide(&p->policy->restart, e, process_now(p), &p->history);
	if (p->removed && event != EVENT_EXIT_FAILED)
		event = EVENT_EXIT_DONE;
	if (event == EVENT_EXIT_FAILED)
		explain_giving_up(p, e);
	if (event == EVENT_EXIT_NOW && !e->only_rest)
		p->n_restarts++;
	if (event == EVENT_EXIT_NOW && order_awaited(p, 0))
		event = EVENT_EXIT_WAIT;
	if (event != EVENT_EXIT_AGAIN && event != EVENT_EXIT_FAILED)
		free(TAKE(p->failure));
	react_stopped(p);
	process_dispatch(p, event);
}

/* Nothing that it left may run beside the next one, or after it was asked to end. */
static bool rest_has_to_go(struct process *p) {
	p->ending.again = is_wanted_again(p, p->ending.cause);
	return p->state == PROCESS_STOPPING || p->removed ||
		restart_is_wanted(&p->policy->restart, &p->ending);
}

static void clear_rest(struct process *p) {
	react_stopped(p);
	if (p->state != PROCESS_STOPPING)
		process_dispatch(p, EVENT_REST);
	else
		end_clear(p);
}

void end_decide(struct process *p, enum exit_cause cause, uint64_t run_usec) {
	p->ending = (struct ending){ .cause = cause, .run_usec = run_usec };
	if (cause == EXIT_CAUSE_NO_LAUNCH) {
		end_concluded(p);
		return;
	}
	if (rest_has_to_go(p) && tree_has_rest(p)) {
		clear_rest(p);
		return;
	}
	if (!rest_has_to_go(p))
		rest_leave(p);
	end_concluded(p);
}

void end_reached(struct process *p, enum exit_cause cause) {
	uint64_t run_usec = p->run ? process_now(p) - p->run->began_usec : 0;

	if (p->run && p->run->stored)
		store_drop(p->name);
	p->run = run_free(p->run);
	reap_schedule(p->manager);
	end_decide(p, cause, run_usec);
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
	char how[96], text[400];
	enum exit_cause cause = end_describe(error, status, how, sizeof(how));

	name_stack(p, how, text, sizeof(text));
	if (cause == EXIT_CAUSE_FAILURE)
		seal_name_denied(p, text, sizeof(text));
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
