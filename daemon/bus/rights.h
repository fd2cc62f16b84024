/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_RIGHTS_H
#define RTMEM_DAEMON_RIGHTS_H

/* Who may change something: root, the user that rtmemd runs as, and members of one group, if there is one. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/manager.h"

#define CALLER_GROUPS_MAX 256

/** Who is asking, as the kernel or the bus daemon says. */
struct caller {
	uid_t uid;
	gid_t groups[CALLER_GROUPS_MAX]; /* the primary one too; more than fit count as none */
	size_t n_groups;
};

/** Chosen when rtmem is built (meson -Dgroup=NAME); "" = none. */
extern const char rights_group[];

/** Looks the group up; says in the log if the machine doesn't have it. */
void rights_init(struct manager *m);

/** Pure. group: (gid_t)-1 = none. */
bool rights_may_change(const struct caller *c, uid_t own_uid, gid_t group);

/** The other end of a socket: SO_PEERCRED and SO_PEERGROUPS. 0 or -errno. */
int rights_of_peer(int fd, struct caller *ret);
/** Who sent this message over a bus daemon. Asks it, and waits for the answer: two seconds at most. */
int rights_of_sender(sd_bus_message *m, struct caller *ret);

#endif
