/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_UPWARD_H
#define RTMEM_DAEMON_UPWARD_H

/* Messages to our own service manager (NOTIFY_SOCKET), with descriptors where wanted. */
#include <stdbool.h>
#include <stddef.h>

#define UPWARD_FDS_MAX 128 /* of one message; the kernel allows 253 */

/** Is there one that wants to hear of us? */
bool upward_is_wanted(void);
/** 0 also without a manager; -EAGAIN when it doesn't read. Waits a tenth of a second at most. */
int upward_send(const char *text, const int *fds, size_t n_fds);
/** The same without descriptors. */
__attribute__((format(printf, 1, 2))) int upward_tell(const char *format, ...);

#endif
