/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RECORD_H
#define RTMEM_DAEMON_RECORD_H

/*
 * RUNTIME_DIR/processes/NAME: what a later rtmemd has to know about a run to adopt it. One line per
 * key, replaced atomically; losing it loses no process, only the memory of it.
 */
#include "daemon/manager.h"

struct record {
	pid_t pid;
	uint64_t start_ticks;
	char boot_id[40];
	uint64_t plan_hash;
	bool ready;
	bool injection_wanted;
	bool sealed;
	bool have_report;
	uint64_t n_restarts;
	struct report report; /* numbers and kind, no text */
};

/** Creates the directory. 0 or -errno, logged. */
int record_init(struct manager *m);
int record_write(struct process *p);
/** The same once the process runs: a failure is logged, and costs only a later adoption. */
void record_write_late(struct process *p);
void record_remove(struct process *p);
/** 0; -ENOENT without a record; -ESTALE when it's of another boot; -EBADMSG. */
int record_read(const struct process *p, struct record *ret);
/** Calls fn with the name of each record; fn may remove it. */
void record_each(struct manager *m, void (*fn)(struct manager *m, char *name));
/** Pure: text -> record. -EBADMSG when a line isn't understood or one is missing. */
int record_parse(char *text, struct record *ret);

#endif
