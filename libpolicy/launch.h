/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_LAUNCH_H
#define RTMEM_LIBPOLICY_LAUNCH_H

/*
 * policy x host facts -> plan: which steps, in which order, and why. Pure: everything that has to be
 * looked up (users, limits, capabilities, paths) comes in as facts.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "common/plan.h"
#include "common/preflight.h"
#include "libpolicy/policy.h"

/* PATH of a program under the daemon, and the one used where a caller of `run` has none. */
#define LAUNCH_DEFAULT_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LAUNCH_FALLBACK_PATH "/usr/local/bin:/usr/bin:/bin"

#define LAUNCH_DEFAULT_UMASK 0022 /* under the daemon */

/** What the plan depends on beside the policy; host/facts.c fills it in. */
struct launch_facts {
	uint64_t capabilities_effective; /* of the launcher, bit mask */
	uint64_t capabilities_bounding;
	uint64_t capabilities_ambient;
	uid_t launcher_uid;
	gid_t launcher_gid;
	int oom_score_adjust; /* of the launcher; lowering it takes CAP_SYS_RESOURCE */
	struct rlimit limits[RLIM_NLIMITS]; /* of the launcher */
	bool user_resolved; /* policy.user was looked up: the next four are its */
	uid_t uid; /* who the program will run as (the launcher's own without user:) */
	gid_t gid;
	gid_t *groups; /* supplementary groups, owned by the caller */
	size_t n_groups;
	const char *home; /* of the user, or NULL */
	const char *shell;
	const char *login; /* user name, or NULL */
	const char *language; /* LANG of the launcher, or NULL */
	char **environment; /* of environment_files, "KEY=VALUE"; owned by the caller */
	const char *init_library; /* path to inject; NULL = not found */
	bool target_known; /* the program's file could be read: target says what it is */
	struct preflight target;
	int ptrace_scope; /* kernel.yama.ptrace_scope; 0 without that module */
	const char *allocator_library; /* path of what heap.allocator names; NULL = not installed */
	const char *cgroup; /* directory of its control group; NULL = none on this machine */
	const char *runtime_socket; /* where librtmem tells the daemon things; NULL = no daemon */
	bool foreground; /* rtmemctl run: keep the caller's environment and NOTIFY_SOCKET */
	const char *notify_socket; /* for ready: notify under the daemon; NULL = leave out */
	int report_fd; /* number of the report socket in the child; -1 = none */
};

/** Why a launch can't succeed; key is static text. */
struct launch_problem {
	const char *key; /* policy key */
	char text[512]; /* cause and remedy */
};

/**
 * Builds the plan. -EPERM / -ENOENT / -EINVAL with `problem` filled in when the launch can't succeed
 * as asked (a limit above the hard one without the capability, scheduling without a right to it,
 * unknown user ...): nothing half-done is worth starting. -ENOMEM.
 * A limit that can't be raised but doesn't bind, because the program will hold the capability that
 * makes it void, becomes an optional step whose `why` says so.
 */
int launch_plan(const struct process_policy *p, const struct launch_facts *f, struct plan *ret,
	struct launch_problem *problem);

/** True when something has to happen inside the program, so that the library must be injected. */
bool launch_needs_injection(const struct process_policy *p);

#endif
