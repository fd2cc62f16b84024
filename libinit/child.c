/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children that get the same policy. A forked child begins without a lock and with every page shared: it
 * is locked again by mode, which makes the pages its own. A program that a child executes finds the
 * library and the order in its environment, without the report socket: what is wrong goes to stderr.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/names.h"
#include "libinit/guard.h"

static int lock_child(struct init *i) {
	switch (i->order.lock) {
	case INIT_LOCK_STRICT:
		return lock_all(i, MCL_CURRENT | MCL_FUTURE);
	case INIT_LOCK_BALANCED:
		return lock_all(i, MCL_CURRENT);
	case INIT_LOCK_ONFAULT:
		/* what the parent has reserved and never touched isn't to become present */
		precopy(i);
		return lock_all(i, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	case INIT_LOCK_NONE:
		break;
	}
	return 0;
}

void child_prepare(struct init *i) {
	int saved_errno = errno;

	i->pid = getpid();
	i->report.step[0] = '\0';
	if (lock_child(i) < 0) {
		init_say(i, " (child of a fork) isn't locked", i->report.step, i->report.text);
		if (i->order.lock == INIT_LOCK_STRICT)
			_exit(EXIT_LAUNCH_FAILED);
	}
	errno = saved_errno;
}
