/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a managed process as a table. STOPPED -> STARTING -> PREPARING -> RUNNING is the way up.
 * Down there are two ways. Somebody wants its end (a person, a reload, on_violation, ready.on_timeout, a
 * watchdog): STOPPING, until the whole tree has ended. Or the main process ends by itself: if others of
 * its tree are left and it's to be started again, these have to go first, which is STOPPING too.
 * What follows the end (STOPPED, BACKOFF, FAILED, or STARTING at once) was decided by restart.c before it
 * comes here as one of the EXIT events.
 *
 * What is wanted isn't part of the table: it's what the askers set beside it, and what restart.c decides
 * by. A cell that isn't written ignores its event.
 */
#include "daemon/life/state.h"

static const struct transition table[PROCESS_STATE_MAX][PROCESS_EVENT_MAX] = {
	[PROCESS_STOPPED] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_WAIT] = { PROCESS_STOPPED, ACTION_WAIT },
		[EVENT_WAIT_OVER] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_STOP] = { PROCESS_STOPPED, ACTION_NOT_WAIT },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
	},
	[PROCESS_STARTING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_INIT] = { PROCESS_PREPARING, ACTION_PREPARE },
		[EVENT_READY] = { PROCESS_RUNNING, ACTION_READY },
		[EVENT_TIMEOUT] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_VIOLATION] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_WATCHDOG] = { PROCESS_STOPPING, ACTION_ABORT },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_PREPARING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_READY] = { PROCESS_RUNNING, ACTION_READY },
		[EVENT_TIMEOUT] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_VIOLATION] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_WATCHDOG] = { PROCESS_STOPPING, ACTION_ABORT },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_RUNNING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_VIOLATION] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_WATCHDOG] = { PROCESS_STOPPING, ACTION_ABORT },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_STOPPING] = {
		[EVENT_START] = { PROCESS_STOPPING, ACTION_ASKED },
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_ASKED },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_ASKED },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_NOW] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_EXIT_WAIT] = { PROCESS_STOPPED, ACTION_WAIT },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_BACKOFF] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_WAIT] = { PROCESS_STOPPED, ACTION_WAIT },
		[EVENT_STOP] = { PROCESS_STOPPED, ACTION_CANCEL_DELAY },
		[EVENT_DELAY_OVER] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_FAILED] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_WAIT] = { PROCESS_STOPPED, ACTION_WAIT },
		[EVENT_STOP] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_REST] = { PROCESS_STOPPING, ACTION_CLEAR },
	},
};

struct transition state_transition(enum process_state state, enum process_event event) {
	struct transition t = table[state][event];

	if (t.action == ACTION_IGNORE)
		t.next = state;
	return t;
}

const char *process_state_to_string(enum process_state state) {
	static const char *const names[PROCESS_STATE_MAX] = {
		[PROCESS_STOPPED] = "stopped",
		[PROCESS_STARTING] = "starting",
		[PROCESS_PREPARING] = "preparing",
		[PROCESS_RUNNING] = "running",
		[PROCESS_STOPPING] = "stopping",
		[PROCESS_BACKOFF] = "backoff",
		[PROCESS_FAILED] = "failed",
	};

	return names[state];
}

const char *process_event_to_string(enum process_event event) {
	static const char *const names[PROCESS_EVENT_MAX] = {
		[EVENT_START] = "start",
		[EVENT_WAIT] = "wait",
		[EVENT_WAIT_OVER] = "wait-over",
		[EVENT_STOP] = "stop",
		[EVENT_RESTART] = "restart",
		[EVENT_INIT] = "init",
		[EVENT_READY] = "ready",
		[EVENT_TIMEOUT] = "timeout",
		[EVENT_VIOLATION] = "violation",
		[EVENT_WATCHDOG] = "watchdog",
		[EVENT_REST] = "rest",
		[EVENT_EXIT_DONE] = "exit-done",
		[EVENT_EXIT_AGAIN] = "exit-again",
		[EVENT_EXIT_NOW] = "exit-now",
		[EVENT_EXIT_WAIT] = "exit-wait",
		[EVENT_EXIT_FAILED] = "exit-failed",
		[EVENT_DELAY_OVER] = "delay-over",
	};

	return names[event];
}

const char *wanted_to_string(enum wanted wanted) {
	static const char *const names[WANTED_MAX] = {
		[WANTED_STOPPED] = "stopped",
		[WANTED_RUNNING] = "running",
	};

	return names[wanted];
}

const char *wanted_by_to_string(enum wanted_by by) {
	static const char *const names[WANTED_BY_MAX] = {
		[WANTED_BY_POLICY] = "policy",
		[WANTED_BY_PERSON] = "person",
		[WANTED_BY_RELOAD] = "reload",
	};

	return names[by];
}
