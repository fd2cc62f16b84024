/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CGROUP_H
#define RTMEM_DAEMON_CGROUP_H

/*
 * The control group (v2) of each managed process, where this machine has a place for them
 * (manager::cgroups): made before the launch, joined by rtmem-exec, removed once it's empty.
 * What isn't there is no failure: -EOPNOTSUPP, and manager::cgroups.reason says why.
 */
#include "daemon/manager.h"

/** Does the policy ask for anything that needs the memory controller? */
bool cgroup_wants_memory(const struct cgroup_policy *c);

/** Finds the place; says in the log why there's none, where a policy asks for one. */
void cgroup_init(struct manager *m);
/** Removes what is empty of ours. Groups with processes stay, and the next rtmemd finds them. */
void cgroup_finish(struct manager *m);

/** Makes the group of a process and writes its memory values, before the launch. 0; -EOPNOTSUPP; or
 *  -errno, with p->cgroup.problem set: the launch goes on without. */
int cgroup_make(struct process *p);
/** Writes the memory values of the present policy to a group that is there (reload). */
int cgroup_apply(struct process *p);

/** Reads back what the kernel has: p->cgroup. Cheap where the policy asks for nothing: once. */
void cgroup_look(struct process *p);
/** 1: something lives in the group, 0: nothing; -EOPNOTSUPP, -ENOENT without a group. */
int cgroup_populated(const struct process *p);
/** A descriptor of cgroup.events, for epoll (EPOLLPRI) and pread; or -errno. */
int cgroup_events_open(const struct process *p);
/** SIGKILL for everything in the group, also what it forks meanwhile. 0 or -errno. */
int cgroup_kill(struct process *p);
/** Calls fn for each process in the group and in those that it has made below; a negative result ends it, and is returned. */
int cgroup_each(const struct process *p, int (*fn)(pid_t pid, void *userdata), void *userdata);
/** Removes the group and those below, if empty. 0; -EBUSY; -EOPNOTSUPP. */
int cgroup_remove(struct process *p);

#endif
