/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_INJECTION_H
#define RTMEM_LIBPOLICY_INJECTION_H

/*
 * Which way into a program: policy x what its file says x what the launcher may do. Pure. The answer is
 * printed by `rtmemctl plan` and carried out by launch_plan().
 */
#include "libpolicy/launch.h"

enum injection_way {
	WAY_NOT_NEEDED, /* nothing of the policy has to happen inside the program */
	WAY_PRELOAD, /* the dynamic loader takes our library */
	WAY_PTRACE, /* prepared from outside, before its first instruction */
	WAY_NONE, /* it runs, and is shown as unprotected */
	WAY_REFUSE, /* it isn't started: `strict` */
	WAY_MAX
};

#define INJECTION_NOTES_MAX 8

struct injection {
	enum injection_way way;
	char why[400]; /* one sentence without a full stop */
	/* parts of the policy that this way can't apply, or only in part: a sentence each */
	char notes[INJECTION_NOTES_MAX][200];
	unsigned n_notes;
};

void injection_choose(
	const struct process_policy *p, const struct launch_facts *f, struct injection *ret);
/** GLIBC_TUNABLES reach the program's malloc, as far as its file says. */
bool injection_tunables_work(const struct launch_facts *f);
/** What of the policy only the library can do, so that it must not be believed to be in force without it:
 *  a sentence, or NULL. */
const char *injection_needs_library(const struct process_policy *p);
/** "preload" ... */
const char *injection_way_to_string(enum injection_way way);

#endif
