/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RECORD_H
#define RTMEM_DAEMON_RECORD_H

/*
 * RUNTIME_DIR/processes/NAME: what a later rtmemd has to know about a process: whether it's to run, how
 * far it is, and of a run, who it is and what was counted of it. One line per key, replaced atomically.
 * Losing it loses no process, only the memory of it.
 *
 * Times are of CLOCK_MONOTONIC, which all programs of one boot share; the boot id says which boot.
 */
#include "daemon/manager.h"

#define RECORD_MAX_BYTES   4096 /* older releases read no more */
#define RECORD_THREADS_MAX 16

struct record {
	char boot_id[40];
	enum process_state state;
	enum wanted wanted;
	enum wanted_by wanted_by;
	bool waiting; /* stopped, until others are ready */
	uint64_t plan_hash; /* of the last launch; 0 = there was none */
	struct restart_history history;
	uint32_t n_restarts;
	pid_t session; /* of the last run: who is left of it belongs to it; 0 = not known */
	uint64_t delay_until_usec; /* backoff: when it starts again */
	char failure[480]; /* why the last run ended; "" = nothing to say */

	pid_t pid; /* 0 = no process, and what follows means nothing */
	uint64_t start_ticks;
	uint64_t began_usec;
	bool begun; /* the program itself was seen to run */
	bool ready;
	bool terminated; /* told to end */
	enum exit_cause cause;
	uint64_t kill_at_usec; /* terminated: when its time is over */
	bool injection_wanted;
	bool sealed;
	char injection_cause[400];
	bool have_report;
	struct report report; /* numbers and kind, no text */

	bool counted; /* what follows was read; a run that is ready, of a release that wrote it */
	bool from_proc;
	uint32_t n_tasks; /* pairs of counters */
	struct fault_count faults; /* since ready */
	struct fault_count base; /* faults = what the source of counts shows - base, modulo 2^64 */
	struct fault_count stat; /* of /proc/PID/stat, read before the counts */
	struct fault_count unwatched; /* at most, while no rtmemd counted */
	struct event events[EVENTS_MAX];
	size_t n_events;
	uint64_t n_more_events; /* that aren't kept apart */
	struct note notes[NOTES_MAX];
	size_t n_notes;
	struct thread_faults threads[RECORD_THREADS_MAX];
	size_t n_threads;
};

/** Creates the directory. 0 or -errno, logged. */
int record_init(struct manager *m);
/** Writes how p is now, unless that's what was written last. */
int record_write(struct process *p);
/** The same once the process runs: a failure is logged, and costs only a later adoption. */
void record_write_late(struct process *p);
/** The same when counts or events have moved, no more than once a second for long; thorough: when the
 *  counts of /proc have, too. */
void record_follow(struct process *p, bool thorough);
void record_remove(struct process *p);
/** 0; -ENOENT without a record; -ESTALE when it's of another boot; -EBADMSG. */
int record_read(const struct process *p, struct record *ret);
/** Calls fn with the name of each record; fn may remove it. */
void record_each(struct manager *m, void (*fn)(struct manager *m, char *name));

/** Pure: text -> record. -EBADMSG when a line isn't understood or one is missing. Changes the text. */
int record_parse(char *text, struct record *ret);
/** Pure: record -> text. What finds no room in it (threads, notes, texts of events) is left out. */
void record_format(const struct record *r, char ret[static RECORD_MAX_BYTES]);

#endif
