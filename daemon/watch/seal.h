/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_SEAL_H
#define RTMEM_DAEMON_SEAL_H

/*
 * memory.seal of a managed process: asks the library inside to deny what changes the memory map, once the
 * process is ready, and has such calls counted.
 */
#include <stdbool.h>
#include <stdint.h>

#include "common/handoff.h"
#include "daemon/watch/calls.h"

struct evidence;
struct findings;
struct process;
struct process_policy;

struct seal {
	bool asked; /* HANDOFF_SEAL was sent */
	bool in_force; /* the library says so */
	bool late; /* no answer for too long */
	uint64_t asked_usec;
	char *problem; /* why it isn't in force; NULL = nothing is known */
	struct calls *calls; /* NULL = there was no memory for it */
	uint64_t size_bytes; /* VmSize as last seen; 0 = not yet */
	uint64_t n_resized; /* readings with another size than the one before */
};

void seal_done(struct seal *s);

/* ---- by event; each does nothing for a process without a seal ---------------------------------------- */

/** Launched, and about to be executed. */
void seal_launched(struct process *p);
/** Ready: seals (deny), counts. */
void seal_ready(struct process *p);
/** The library's answer. */
void seal_told(struct process *p, const struct report *report);
/** The library's socket is closed. */
void seal_socket_closed(struct process *p);
/** A reading of memory and counters. */
void seal_sample(struct process *p);

/** Its process has ended badly: appends what it had been denied by then, if anything. */
void seal_name_denied(struct process *p, char *buf, size_t size);

struct json;
/** "seal": {...} of its status; nothing without a seal. */
void seal_write(struct json *j, const struct process *p);
/** Its rule; a part of verdict(). Pure. */
void verdict_seal(const struct process_policy *p, const struct evidence *e, struct findings *ret);

#endif
