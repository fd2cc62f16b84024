/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_PROCESS_H
#define RTMEM_LIBPOLICY_PROCESS_H

/* The lifetime of a struct process_policy; the table of keys knows its members. */
#include "libpolicy/fields.h"

/** Nothing set; not even the defaults, which are read like anything else (read_defaults). */
void process_init(struct process_policy *p);
void process_done(struct process_policy *p);
/** Makes policy_set_find() quick, once all processes are there. 0 or -ENOMEM. */
int policy_set_index(struct policy_set *s);

/** Bytes of a value that is neither text nor a limit; 0 = of those that are. */
size_t field_value_size(const struct field *f);

#endif
