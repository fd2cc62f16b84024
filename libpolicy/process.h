/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_PROCESS_H
#define RTMEM_LIBPOLICY_PROCESS_H

/* The lifetime of a struct process_policy; the table of keys knows its members. */
#include "libpolicy/policy.h"

/** Nothing set; not even the defaults, which are read like anything else (read_defaults). */
void process_init(struct process_policy *p);
void process_done(struct process_policy *p);

#endif
