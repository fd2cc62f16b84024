/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_GUARD_H
#define RTMEM_HOST_GUARD_H

#include <sys/types.h>

#include "host/transaction.h"

/**
 * Starts a process that takes a try back when its time is over, whatever becomes of the one that began
 * it: `rtmemctl rollback --tried --wait`, in a session of its own. Returns its pid (a child of the
 * caller, who may outlive it or not), or -errno.
 */
pid_t guard_start(const struct transaction *t);

#endif
