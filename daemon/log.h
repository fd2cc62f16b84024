/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_LOG_H
#define RTMEM_DAEMON_LOG_H

/*
 * What operators read: the journal with RTMEM_* fields and a message id per kind of event when stderr
 * is the journal, else one line on stderr. Text that comes from managed processes is made printable.
 */
#include <stddef.h>
#include <syslog.h>

enum message {
	MESSAGE_PLAIN, /* no id: progress and trouble of the daemon itself */
	MESSAGE_STARTED,
	MESSAGE_READY,
	MESSAGE_ADOPTED,
	MESSAGE_ENDED,
	MESSAGE_FAILED,
	MESSAGE_VIOLATION,
	MESSAGE_RESOLVED,
	MESSAGE_APPLIED,
	MESSAGE_REFUSED,
	MESSAGE_HOST_DRIFT,
	MESSAGE_NOTE,
	MESSAGE_HOST_WRITTEN,
	MESSAGE_HOST_RETURNED, /* an original, or what was there before a try */
	MESSAGE_HOST_KEPT, /* not given back */
	MESSAGE_HOST_ROLLED_BACK,
	MESSAGE_HOST_TRIED,
	MESSAGE_HOST_REVERTED,
	MESSAGE_HOST_DISPUTE, /* drifts again and again */
	MESSAGE_STARTING,
	MESSAGE_PREPARING,
	MESSAGE_STOPPING,
	MESSAGE_STOPPED,
	MESSAGE_BACKOFF,
	MESSAGE_WAITING, /* for those that `after` names, or no longer */
	MESSAGE_LEFT_BEHIND, /* processes of a tree without its main process */
	MESSAGE_KILLED, /* what didn't end when asked */
	MESSAGE_MAX,
};

/** level: LOG_ERR .. LOG_DEBUG, the most that is written. Looks at what stderr is. */
void log_init(int level);
/** "error", "warning", "notice", "info", "debug" -> LOG_*; -EINVAL */
int log_level_from_string(const char *text);

/** process and rule may be NULL. Keeps errno. */
__attribute__((format(printf, 5, 6))) void log_event(enum message message, int level,
	const char *process, const char *rule, const char *format, ...);

/** Fields of a change of state. */
struct log_transition {
	const char *old, *new, *event, *wanted;
};
void log_transition(enum message message, int level, const char *process,
	const struct log_transition *t, const char *text);

#define log_error(...)		  log_event(MESSAGE_PLAIN, LOG_ERR, NULL, NULL, __VA_ARGS__)
#define log_warning(...)	  log_event(MESSAGE_PLAIN, LOG_WARNING, NULL, NULL, __VA_ARGS__)
#define log_info(...)		  log_event(MESSAGE_PLAIN, LOG_INFO, NULL, NULL, __VA_ARGS__)
#define log_debug(...)		  log_event(MESSAGE_PLAIN, LOG_DEBUG, NULL, NULL, __VA_ARGS__)
#define log_process(process, ...) log_event(MESSAGE_PLAIN, LOG_INFO, process, NULL, __VA_ARGS__)

/** Replaces control characters and bytes outside ASCII, in place; returns text. */
char *make_printable(char *text);

#endif
