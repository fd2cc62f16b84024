/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_DIFFERENCE_H
#define RTMEM_LIBPOLICY_DIFFERENCE_H

/* What of two policies of a process differs, key by key, and which of it a running process can follow. */
#include "libpolicy/fields.h"

#define DIFFERENCE_KEY_MAX   64
#define DIFFERENCE_VALUE_MAX 96

struct policy_difference {
	const struct field *field;
	bool live; /* a running process can follow; else it takes a new launch */
	char key[DIFFERENCE_KEY_MAX]; /* "limits.nofile" */
};

struct policy_differences {
	struct policy_difference *items; /* in the order of the table of keys */
	size_t n_items;
};

/** Places don't count. 0 or -ENOMEM. */
int process_policy_differences(const struct process_policy *from, const struct process_policy *to,
	struct policy_differences *ret);
int policy_differences_copy(const struct policy_differences *d, struct policy_differences *ret);
void policy_differences_done(struct policy_differences *d);
/** How many need a new launch. */
size_t policy_differences_launch(const struct policy_differences *d);
/** "limits.core, user": of those that need a new launch, or of all; cut with "..." if need be. size: 8 or more. */
const char *policy_differences_text(
	const struct policy_differences *d, bool only_launch, char *buf, size_t size);

/** The value as one would write it, cut to size; "" = not set. What environment variables hold isn't
 *  told: it may be a secret. */
const char *policy_value_text(
	const struct field *f, const struct process_policy *p, char *buf, size_t size);

/** What holds for a process that was launched under `launched` and follows `now` in those of the
 *  differences that are live. Texts are borrowed from both. */
void process_policy_merge(const struct process_policy *launched, const struct process_policy *now,
	const struct policy_differences *d, struct process_policy *ret);

#define _cleanup_differences_ CLEANUP(policy_differences_done)

#endif
