/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a managed process as a table. STOPPED -> STARTING -> PREPARING -> RUNNING is the way up;
 * every state with a process in it leads to STOPPING when asked, and to STOPPED, BACKOFF or FAILED when
 * the process ends by itself (which of the three is decided by restart.c before it comes here).
 * A cell that isn't written ignores its event.
 */
#include "daemon/state.h"

static const struct transition table[PROCESS_STATE_MAX][PROCESS_EVENT_MAX] = {
	[PROCESS_STOPPED] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
	},
	[PROCESS_STARTING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE_AGAIN },
		[EVENT_INIT] = { PROCESS_PREPARING, ACTION_PREPARE },
		[EVENT_READY] = { PROCESS_RUNNING, ACTION_READY },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_PREPARING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE_AGAIN },
		[EVENT_READY] = { PROCESS_RUNNING, ACTION_READY },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_RUNNING] = {
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_TERMINATE },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_TERMINATE_AGAIN },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_STOPPING] = {
		[EVENT_START] = { PROCESS_STOPPING, ACTION_AGAIN },
		[EVENT_STOP] = { PROCESS_STOPPING, ACTION_NOT_AGAIN },
		[EVENT_RESTART] = { PROCESS_STOPPING, ACTION_AGAIN },
		[EVENT_EXIT_DONE] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_EXIT_AGAIN] = { PROCESS_BACKOFF, ACTION_DELAY },
		[EVENT_EXIT_NOW] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_EXIT_FAILED] = { PROCESS_FAILED, ACTION_NONE },
	},
	[PROCESS_BACKOFF] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_STOP] = { PROCESS_STOPPED, ACTION_CANCEL_DELAY },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_DELAY_OVER] = { PROCESS_STARTING, ACTION_LAUNCH },
	},
	[PROCESS_FAILED] = {
		[EVENT_START] = { PROCESS_STARTING, ACTION_LAUNCH },
		[EVENT_STOP] = { PROCESS_STOPPED, ACTION_NONE },
		[EVENT_RESTART] = { PROCESS_STARTING, ACTION_LAUNCH },
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
		[EVENT_STOP] = "stop",
		[EVENT_RESTART] = "restart",
		[EVENT_INIT] = "init",
		[EVENT_READY] = "ready",
		[EVENT_EXIT_DONE] = "exit-done",
		[EVENT_EXIT_AGAIN] = "exit-again",
		[EVENT_EXIT_NOW] = "exit-now",
		[EVENT_EXIT_FAILED] = "exit-failed",
		[EVENT_DELAY_OVER] = "delay-over",
	};

	return names[event];
}
