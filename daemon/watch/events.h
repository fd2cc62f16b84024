/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_EVENTS_H
#define RTMEM_DAEMON_EVENTS_H

/*
 * What a program did after its start that endangers what was promised: told by the library inside it
 * (REPORT_EVENT), by librtmem (a real-time section that faulted) or by the kernel. Kept for as long as
 * the run lasts, because what was done stays done: a row per call, with a count and the last text.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_MAX	  16 /* rows; a program that calls its sections anew each time fills no memory */
#define EVENT_CALL_MAX	  32
#define EVENT_SUBJECT_MAX 40
#define EVENT_TEXT_MAX	  400

struct event {
	char call[EVENT_CALL_MAX]; /* "fork", "munlockall", "section" */
	char subject
		[EVENT_SUBJECT_MAX]; /* of several with this call, which: a section's name; or "" */
	bool ready; /* it was ready then: what comes before is preparation */
	uint64_t n; /* calls; of a section: faults */
	char last[EVENT_TEXT_MAX]; /* who, where, and what follows from it */
};

struct events {
	struct event *items;
	size_t n_items;
	uint64_t n_more; /* that found no row */
};

void events_done(struct events *e);
/** Adds n to the row of call and subject; the text replaces the last one, NULL leaves it. */
void events_add(struct events *e, const char *call, const char *subject, bool ready, uint64_t n,
	const char *text);

/** What the library told; of calls that undo different things, each is a row. */
void events_told(struct events *e, const char *call, bool ready, const char *text);
/** Is there a row for it already? */
bool events_know(const struct events *e, const char *call, const char *subject, bool ready);

/** Goes up with whatever is added. */
uint64_t events_count(const struct events *e);

struct evidence;
struct findings;
struct process_policy;
/** The rules about events; a part of verdict(). Pure. */
void verdict_events(const struct process_policy *p, const struct evidence *e, struct findings *ret);

#endif
