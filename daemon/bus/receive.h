/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RECEIVE_H
#define RTMEM_DAEMON_RECEIVE_H

/* Taking bytes from strangers' sockets, and nothing else: no descriptor that comes along is ever ours. */
#include <stddef.h>
#include <sys/types.h>

/** To be called before bind(): has the kernel refuse descriptors to the sender where it can (Linux 6.16).
 *  Sockets that are accept()ed inherit it. */
void receive_refuse_descriptors(int fd);

/** recv() that doesn't block, nor waits for what descriptors need to be closed. ret_pid: of the sender by the
 *  kernel's word, with SO_PASSCRED; 0 = it isn't known; may be NULL. 0 at the end, -errno; -EMSGSIZE when
 *  a datagram is larger, which is taken off the socket. */
ssize_t receive(int fd, void *buf, size_t size, pid_t *ret_pid);

#endif
