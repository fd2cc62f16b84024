/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_OUTLOOK_H
#define RTMEM_CTL_OUTLOOK_H

/* What lies ahead for one process: steps, memlock budget, what stands in the way. */
#include <stdio.h>

#include "common/json.h"
#include "common/plan.h"
#include "host/image.h"
#include "libpolicy/budget.h"
#include "libpolicy/injection.h"
#include "libpolicy/launch-notes.h"

#define OUTLOOK_ADVICE_MAX 512

struct outlook {
	const struct process_policy *policy;
	struct plan plan; /* empty when there's a problem */
	struct launch_problem problem; /* text "" = none */
	struct injection injection; /* the way into the program; why "" = not known */
	struct budget budget;
	struct image image;
	int image_error; /* why the image isn't known, 0 = it is */
	uint64_t memlock_bytes; /* the budget, rounded up to what one would write */
	char memlock_line[64]; /* "limits: { memlock: 190M }" */
	char memlock_advice[OUTLOOK_ADVICE_MAX]; /* how that compares with this machine's limit */
	struct launch_notes notes;
	char warning[OUTLOOK_ADVICE_MAX]; /* of a program that can't be injected into; or "" */
};

/** Of p, one of the set's processes, under the rtmemd of this runtime directory. */
int outlook_make(const struct policy_set *set, const struct process_policy *p,
	const char *runtime_dir, struct outlook *ret);
void outlook_done(struct outlook *o);
int outlook_print(const struct outlook *o, FILE *out);
void outlook_print_json(const struct outlook *o, struct json *j);

#define _cleanup_outlook_ CLEANUP(outlook_done)

#endif
