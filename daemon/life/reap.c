/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As a subreaper rtmemd becomes the parent of whoever loses its own below it: such processes can still be
 * attributed to the managed process that they stem from (tree.c), and don't stay as zombies. The status of
 * a main process belongs to end.c, which reads it by its pidfd: so zombies are first looked at, one by one,
 * and when the next one is a main process, we come back after end.c has had its turn.
 */
#include "daemon/life/reap.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "daemon/log.h"

#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 20) /* after the ends of main processes */

static int on_reap(sd_event_source *s, void *userdata) {
	struct manager *m = userdata;
	siginfo_t zombie;

	for (;;) {
		zombie = (siginfo_t){ .si_pid = 0 };
		if (waitid(P_ALL, 0, &zombie, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			zombie.si_pid == 0)
			return 0;
		if (manager_find_pid(m, zombie.si_pid)) /* its end schedules us again */
			return 0;
		if (waitid(P_PID, (id_t)zombie.si_pid, &zombie, WEXITED | WNOHANG) < 0)
			return 0;
		log_debug("collected pid %d, an orphan of a managed process", (int)zombie.si_pid);
	}
}

void reap_schedule(struct manager *m) {
	if (m->reaper)
		(void)sd_event_source_set_enabled(m->reaper, SD_EVENT_ONESHOT);
}

int reap_init(struct manager *m) {
	int r;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		log_warning(
			"not a subreaper (%s): orphans of managed processes can't be attributed",
			strerror(errno));
	r = sd_event_add_defer(m->event, &m->reaper, on_reap, m);
	if (r >= 0)
		r = sd_event_source_set_priority(m->reaper, PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_description(m->reaper, "rtmemd-reap");
	return r < 0 ? r : 0;
}

void reap_done(struct manager *m) {
	m->reaper = sd_event_source_disable_unref(m->reaper);
}
