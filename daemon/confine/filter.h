/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_FILTER_H
#define RTMEM_DAEMON_FILTER_H

/* The system calls that the threads of rtmemd may make, by seccomp. */

/** Binds the calling thread, and those that it starts from now on; together with it comes no_new_privs.
 *  -ENOTSUP when built without libseccomp, else -errno. */
int filter_install(void);

#endif
