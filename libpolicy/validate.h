/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_VALIDATE_H
#define RTMEM_LIBPOLICY_VALIDATE_H

/* Rules across keys: each value is fine by itself, but not beside the others. */
#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/inherit.h"
#include "libpolicy/policy.h"

/** All rules, each complaint at the key that the rule is about, wherever that was written. */
void validate_process(
	const struct process_policy *p, const struct layers *layers, struct diagnostics *d);
/** Rules across the settings of the machine. */
void validate_host(const struct policy_set *s, struct diagnostics *d);

#endif
