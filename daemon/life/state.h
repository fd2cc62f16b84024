/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STATE_H
#define RTMEM_DAEMON_STATE_H

/* States of a managed process x events -> next state and what has to be done. Pure. */

enum process_state {
	PROCESS_STOPPED, /* no process; if one is wanted, it waits for others */
	PROCESS_STARTING, /* rtmem-exec walks the plan, or libinit works */
	PROCESS_PREPARING, /* the program runs, but isn't ready */
	PROCESS_RUNNING, /* ready: judged */
	PROCESS_STOPPING, /* has to end, and some of its tree hasn't yet */
	PROCESS_BACKOFF, /* ended, starts again after the delay */
	PROCESS_FAILED, /* given up; start it by hand */
	PROCESS_STATE_MAX,
};

enum process_event {
	EVENT_START, /* asked by somebody */
	EVENT_WAIT, /* asked, but others come first */
	EVENT_WAIT_OVER, /* nobody has to be waited for any more */
	EVENT_STOP,
	EVENT_RESTART,
	EVENT_INIT, /* the program itself runs now */
	EVENT_READY,
	EVENT_TIMEOUT, /* ready.timeout is over, and on_timeout says fail */
	EVENT_VIOLATION, /* on_violation says restart or stop */
	EVENT_WATCHDOG, /* no sign of life in time */
	EVENT_REST, /* the main process is gone, others of its tree aren't, and must go */
	EVENT_EXIT_DONE, /* ended, and that's fine */
	EVENT_EXIT_AGAIN, /* ended, to be started again after the delay */
	EVENT_EXIT_NOW, /* ended as asked, to be started again at once */
	EVENT_EXIT_WAIT, /* ended as asked, to be started again after others */
	EVENT_EXIT_FAILED, /* ended, and nothing more is tried */
	EVENT_DELAY_OVER,
	PROCESS_EVENT_MAX,
};

enum process_action {
	ACTION_IGNORE, /* the event means nothing in this state, which doesn't change */
	ACTION_NONE, /* only the state changes */
	ACTION_LAUNCH,
	ACTION_WAIT, /* until those before it are ready */
	ACTION_NOT_WAIT,
	ACTION_PREPARE, /* wait for readiness */
	ACTION_READY, /* take the baseline, judge from now on */
	ACTION_TERMINATE, /* stop.signal to the tree, SIGKILL later */
	ACTION_ABORT, /* SIGABRT to the main process, SIGKILL to the tree later */
	ACTION_CLEAR, /* as ACTION_TERMINATE, for a tree without its main process */
	ACTION_ASKED, /* already ending: now because somebody wants it */
	ACTION_DELAY,
	ACTION_CANCEL_DELAY,
	PROCESS_ACTION_MAX,
};

struct transition {
	enum process_state next;
	enum process_action action;
};

/** What shall be, against what is (the state). A process that failed is still wanted. */
enum wanted {
	WANTED_STOPPED,
	WANTED_RUNNING,
	WANTED_MAX,
};
/** Who wants it. */
enum wanted_by {
	WANTED_BY_POLICY, /* at rtmemd's start */
	WANTED_BY_PERSON, /* rtmemctl start, stop or restart */
	WANTED_BY_RELOAD,
	WANTED_BY_MAX,
};

/** For ACTION_IGNORE `next` is the state itself. */
struct transition state_transition(enum process_state state, enum process_event event);
const char *process_state_to_string(enum process_state state);
const char *process_event_to_string(enum process_event event);
const char *wanted_to_string(enum wanted wanted);
const char *wanted_by_to_string(enum wanted_by by);

#endif
