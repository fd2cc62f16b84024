/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RUNTIME_H
#define RTMEM_DAEMON_RUNTIME_H

/** Makes sure of the runtime directory (created 0755, ours, writable by nobody else) and locks it.
 *  Returns the lock's descriptor, held as long as the daemon lives, or -errno, logged. */
int runtime_lock(const char *directory);

/** A socket of this type at path, open to everybody, in place of what a dead daemon left there.
 *  Returns the descriptor (non-blocking) or -errno, logged. */
int runtime_bind(const char *path, int type);

#endif
