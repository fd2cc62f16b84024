/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_LOCK_H
#define RTMEM_HOST_LOCK_H

/* One writer at a time, be it rtmemd, rtmemctl or the boot unit: STATE_DIR/lock. */
#include <stdbool.h>
#include <sys/types.h>

#define LOCK_PATIENT_MSEC 10000 /* huge pages may take seconds to be found */
#define LOCK_BRIEF_MSEC \
	100 /* for who must not wait: many only look whether there's something to do */

/** Makes the directory if need be, and waits so long for whoever writes. The descriptor; closing it gives the lock back, as does being killed. -EWOULDBLOCK: held, by *ret_holder
 *  (0 = unknown). -EPERM: others may write to the directory. */
int host_lock(const char *state_dir, int patience_msec, pid_t *ret_holder);

/** Does somebody else write just now? */
bool host_lock_is_held(const char *state_dir);

#endif
