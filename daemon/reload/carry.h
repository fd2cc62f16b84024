/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CARRY_H
#define RTMEM_DAEMON_CARRY_H

/* Changes carried out. */
#include "daemon/reload/change.h"

/** Does all of them, and makes the set that of the manager. What doesn't work of one is its problem. */
void carry_out(struct manager *m, struct policy_set *set, struct changes *changes);
/** What wouldn't work of them: the same problems, and nothing is done. */
void carry_foresee(struct changes *changes);

#endif
