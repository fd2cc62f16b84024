/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_LAUNCH_NOTES_H
#define RTMEM_LIBPOLICY_LAUNCH_NOTES_H

/* What a person should know about a launch beside its steps: which malloc the program will have and
 * why, and which parts of the policy can't reach it. Pure. */
#include "libpolicy/launch.h"

#define LAUNCH_NOTES_MAX 6u
#define LAUNCH_NOTE_MAX	 512u

struct launch_notes {
	char text[LAUNCH_NOTES_MAX][LAUNCH_NOTE_MAX];
	size_t n;
};

void launch_notes(
	const struct process_policy *p, const struct launch_facts *f, struct launch_notes *ret);

#endif
