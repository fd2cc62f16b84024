/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_LOCK_H
#define RTMEM_HOST_LOCK_H

/* One writer at a time, be it rtmemd, rtmemctl or the boot unit: STATE_DIR/lock. */
#include <stdbool.h>
#include <sys/types.h>

/** Makes the directory if need be; if it's to wait, it waits some seconds for whoever writes. The
 *  descriptor; closing it gives the lock back, as does being killed. -EWOULDBLOCK: held, by *ret_holder
 *  (0 = unknown). -EPERM: others may write to the directory. */
int host_lock(const char *state_dir, bool wait, pid_t *ret_holder);

/** Does somebody else write just now? */
bool host_lock_is_held(const char *state_dir);

#endif
