/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two keep the time of a try. The daemon's timer tells journal and bus; the guard, a process of its own,
 * is there if the daemon isn't. The deadline is in the journal, in boot time: no clock can be set that
 * would move it, and the next rtmemd takes it up.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/host/host.h"
#include "daemon/log.h"
#include "host/guard.h"

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
	_cleanup_host_writes_ struct host_writes writes = { .n_items = 0 };
	char problem[SETTING_REASON_MAX];

	(void)host_revert(userdata, true, &writes, problem);
	return 0;
}

static int set_timer(struct manager *m, uint64_t deadline_usec) {
	int r;

	if (m->try_timer) {
		r = sd_event_source_set_time(m->try_timer, deadline_usec);
		return r < 0 ? r : sd_event_source_set_enabled(m->try_timer, SD_EVENT_ONESHOT);
	}
	r = sd_event_add_time(
		m->event, &m->try_timer, CLOCK_BOOTTIME, deadline_usec, 10000, on_time, m);
	return r < 0 ? r : sd_event_source_set_description(m->try_timer, "rtmemd-try-timer");
}

void host_try_arm(struct manager *m) {
	const struct transaction t = host_transaction(m);
	struct try_state state;
	int r;

	m->try_deadline_usec = 0;
	if (transaction_try_state(&t, &state) < 0 || !state.pending) {
		if (m->try_timer)
			(void)sd_event_source_set_enabled(m->try_timer, SD_EVENT_OFF);
		return;
	}
	m->try_deadline_usec = state.deadline_usec;
	r = set_timer(m, state.deadline_usec);
	if (r < 0)
		log_warning(
			"no timer for what is tried (%s): the guard takes it back", strerror(-r));
}

/* ---- the guard --------------------------------------------------------------------------------- */

static int on_guard_exit(sd_event_source *s, int pidfd, uint32_t revents, void *userdata) {
	siginfo_t status;

	(void)waitid((idtype_t)P_PIDFD, (id_t)pidfd, &status, WEXITED | WNOHANG);
	sd_event_source_disable_unref(s);
	return 0;
}

/* Only so that it leaves no zombie: what it did is in the journal. */
static void watch_exit(const struct manager *m, pid_t pid) {
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	sd_event_source *source;

	if (pidfd < 0 ||
		sd_event_add_io(m->event, &source, pidfd, EPOLLIN, on_guard_exit, NULL) < 0)
		return;
	(void)sd_event_source_set_io_fd_own(source, 1);
	(void)sd_event_source_set_description(source, "rtmemd-guard-exit");
	(void)TAKE_FD(pidfd);
}

int host_try_guard(const struct transaction *t) {
	pid_t pid = guard_start(t);

	if (pid < 0)
		return (int)pid;
	watch_exit(t->userdata, pid);
	return 0;
}
