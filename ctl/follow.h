/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_FOLLOW_H
#define RTMEM_CTL_FOLLOW_H

/* The daemon answers at once; what a person wants to know is how it came out. */
#include <stdbool.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"

/**
 * Asks for the status of a process until done() says so or limit_msec have passed. The last status is
 * in text and document, which belong to the caller, also on failure. 0 or an exit status; then it has
 * been said why.
 */
int follow_process(const struct options *o, const char *name, bool (*done)(json_object *process),
	int limit_msec, char **text, json_object **document);

/** Not "starting", "preparing" or "stopping" any more. */
bool follow_is_at_rest(json_object *process);
/** The program runs, or it's known that it won't. */
bool follow_has_begun(json_object *process);
/** What the first finding says, for a process that didn't come out as wished. */
const char *follow_reason(json_object *process);

#endif
