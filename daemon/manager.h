/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_MANAGER_H
#define RTMEM_DAEMON_MANAGER_H

/* The object that owns the loop, the buses and the tables. */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/bus/meter.h"
#include "daemon/bus/pace.h"
#include "daemon/launch/descriptors.h"
#include "daemon/life/process.h"
#include "daemon/survive/store.h"
#include "daemon/watch/calls.h"
#include "daemon/watch/rings.h"
#include "host/cgroup.h"
#include "host/settings.h"
#include "libpolicy/policy.h"

/** From the command line. */
struct options {
	char **config_dirs;
	const char *runtime_dir;
	const char *state_dir;
	uint32_t
		namespaces_of; /* whose mounts and network the hands take; 0 = those that we were started in */
	const char *root; /* prefix of /proc and /sys for host settings; "" = this machine */
	bool watch_config;
};

/** Each includes what stands before it. */
enum host_later {
	LATER_NOTHING,
	LATER_REVERT, /* of a try whose time is over */
	LATER_APPLY, /* of the start */
	LATER_RELOAD,
};

#define PID_HINTS 4096u

struct client;
struct config_watch;
struct hands;
struct starter;
struct dispute;
struct outputs;

/** Properties as clients were told last (news.c). */
struct told_manager {
	const char *state;
	size_t n_processes;
	size_t n_drift;
};

struct manager {
	const struct options *options;
	struct hands *hands; /* for what the loop's thread may not do itself */
	struct starter *starter; /* NULL: the hands start programs too */
	sd_event *event;
	struct policy_set *set;
	struct process **processes; /* in the order of the policy; removed ones at the end */
	size_t n_processes;
	uint32_t *pid_hints; /* pid % PID_HINTS: where in the table it was last */
	struct settings host;
	struct policy_set *tried_set; /* of the machine's settings, when it isn't `set` */
	uint64_t try_deadline_usec; /* CLOCK_BOOTTIME; 0 = nothing waits for a confirmation */
	sd_event_source *try_timer;
	enum host_later later; /* what waits for somebody else who writes settings */
	sd_event_source *later_timer;
	struct dispute *disputes; /* dispute::next */
	struct rings rings;
	struct outputs *outputs; /* files that programs write to; NULL = none is rotated */
	struct cgroup_place cgroups; /* where each process has a control group of its own */
	struct tracing tracing; /* of calls under a seal */
	struct store store;
	char boot_id[40];
	char helper[PATH_MAX]; /* rtmem-exec */
	char notify_path[PATH_MAX];
	struct descriptors descriptors;
	bool cgroup_memory_on; /* the memory controller is passed on to the groups */

	int lock_fd;
	int notify_fd;
	int bus_fd;
	sd_event_source *notify_source;
	sd_event_source *bus_source;
	sd_event_source *tick;
	sd_event_source *post;
	sd_event_source *reaper;
	sd_event_source *order;
	sd_bus *system_bus;
	bool on_system_bus; /* as org.rtmem1 */
	sd_event_source *bus_timer; /* tries the system bus again */
	uint64_t bus_delay_usec;
	gid_t group; /* whose members may change things; (gid_t)-1 = none */
	struct told_manager told;
	size_t found; /* index: the process that a client asked for last */
	struct client *clients; /* client::next */
	size_t n_clients;
	struct client *metered; /* whose message is being dealt with; NULL = of the system bus */
	struct meter meter;

	uint64_t tick_usec; /* when the tick timer is set for */
	uint64_t host_due_usec;
	uint64_t refreshed_usec; /* last complete reading for a client */
	struct pace full; /* readings */
	size_t full_next; /* whose turn it is to be read fully */
	size_t refresh_next; /* who is read thoroughly next for who asks about all */
	size_t slow_next; /* whose stacks are looked at next for who asks about all */
	uint64_t
		refused_hash; /* of what was wrong with the policies at the last reload; 0 = nothing */
	struct config_watch *config_watch; /* NULL = not asked for */
	bool changed; /* something that our own manager should hear of */
	bool announced; /* READY=1 was sent */
	bool unheard; /* and there was no room for it */
	bool bulky; /* a large reply was made: its memory is given back after the iteration */
	char status_line[256]; /* as sent last */
};

/** Loads, applies, starts, and runs the loop until told to end. Returns the exit status. */
int manager_run(const struct options *options);

struct process *manager_find(const struct manager *m, const char *name);
struct process *manager_find_pid(const struct manager *m, pid_t pid);
int manager_add(struct manager *m, struct process *p);
/** Takes it out of the table; doesn't free it. */
void manager_remove(struct manager *m, struct process *p);
/** "compliant", "pending", "violating" or "degraded": the worst of host and processes. */
const char *manager_state(const struct manager *m);
/** Host settings that differ from what is wanted. */
size_t manager_host_drift(const struct manager *m);

#endif
