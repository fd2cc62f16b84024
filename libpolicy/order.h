/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_ORDER_H
#define RTMEM_LIBPOLICY_ORDER_H

/* `after` of all processes of a set. */
#include "libpolicy/diagnostic.h"
#include "libpolicy/policy.h"

/** Complains about names that no process has, and about circles. 0 or -ENOMEM. */
int validate_order(const struct policy_set *s, struct diagnostics *d);

#endif
