/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_STATUS_H
#define RTMEM_DAEMON_STATUS_H

/* The status document (its shape is fixed: docs and scripts rely on it). */
#include "common/json.h"
#include "daemon/manager.h"

/** The whole document, or with `only` that process alone. Reads nothing but its arguments, except
 *  names of threads. 0 or -ENOMEM. */
int status_document(const struct manager *m, const struct process *only, char **ret_json);
/** What is wanted, awaited and left behind: members of the process's object. */
void status_life(struct json *j, const struct process *p);
/** The host array, also a part of what Apply answers. */
void status_host(struct json *j, const struct settings *host);

/* Of one run; NULL = nothing runs. */
const char *status_injection(const struct run *r);
uint64_t status_memlock_limit(const struct run *r);

#endif
