/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_PIDFD_H
#define RTMEM_HOST_PIDFD_H

/* What a descriptor of a process knows beyond wait(): which process, and how it ended. */
#include <sys/types.h>

/** How a process ended whose parent somebody else is, as wait() would put it. 0; -EAGAIN: it hasn't been
 *  collected by its parent; -EOPNOTSUPP: this kernel doesn't say (it does since 6.15); -ESRCH: the
 *  descriptor was opened too late. */
int pidfd_exit_status(int pidfd, int *ret_status);
/** The process that it stands for; 0: it has ended and was collected; -EBADF: no such descriptor. */
pid_t pidfd_pid(int pidfd);

#endif
