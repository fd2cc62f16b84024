/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STATE_H
#define RTMEM_DAEMON_STATE_H

/* States of a managed process x events -> next state and what has to be done. Pure. */

enum process_state {
	PROCESS_STOPPED, /* no process, none wanted */
	PROCESS_STARTING, /* rtmem-exec walks the plan, or libinit works */
	PROCESS_PREPARING, /* the program runs, but isn't ready */
	PROCESS_RUNNING, /* ready: judged */
	PROCESS_STOPPING, /* asked to end, not gone yet */
	PROCESS_BACKOFF, /* ended, starts again after the delay */
	PROCESS_FAILED, /* given up; start it by hand */
	PROCESS_STATE_MAX,
};

enum process_event {
	EVENT_START, /* asked by somebody */
	EVENT_STOP,
	EVENT_RESTART,
	EVENT_INIT, /* the program itself runs now */
	EVENT_READY,
	EVENT_EXIT_DONE, /* ended, and that's fine */
	EVENT_EXIT_AGAIN, /* ended, to be started again after the delay */
	EVENT_EXIT_NOW, /* ended as asked, to be started again at once */
	EVENT_EXIT_FAILED, /* ended, and nothing more is tried */
	EVENT_DELAY_OVER,
	PROCESS_EVENT_MAX,
};

enum process_action {
	ACTION_IGNORE, /* the event means nothing in this state, which doesn't change */
	ACTION_NONE, /* only the state changes */
	ACTION_LAUNCH,
	ACTION_PREPARE, /* wait for readiness */
	ACTION_READY, /* take the baseline, judge from now on */
	ACTION_TERMINATE, /* SIGTERM, SIGKILL later */
	ACTION_TERMINATE_AGAIN, /* the same, then start again */
	ACTION_AGAIN, /* already ending: start again afterwards */
	ACTION_NOT_AGAIN, /* already ending: stay stopped afterwards */
	ACTION_DELAY,
	ACTION_CANCEL_DELAY,
	PROCESS_ACTION_MAX,
};

struct transition {
	enum process_state next;
	enum process_action action;
};

/** For ACTION_IGNORE `next` is the state itself. */
struct transition state_transition(enum process_state state, enum process_event event);
const char *process_state_to_string(enum process_state state);
const char *process_event_to_string(enum process_event event);

#endif
