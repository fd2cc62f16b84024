/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_APPLY_H
#define RTMEM_DAEMON_APPLY_H

/* From the policy directories to what is done about them. */
#include "daemon/manager.h"
#include "libpolicy/diagnostic.h"

/** Loads the directories. 0 with a set; -EINVAL with diagnostics; other -errno. */
int apply_load(const struct manager *m, struct policy_set **ret, struct diagnostics *diagnostics);

enum reload_flags {
	RELOAD_DRY_RUN = 1 << 0, /* says what would be done, and does nothing */
	RELOAD_RESTART = 1 << 1, /* restarts what only a new launch can follow */
	RELOAD_ONCE =
		1 << 2, /* a set that is refused for the same as the last time isn't told again */
};

/**
 * Loads and applies: host settings first, then processes. A set with errors changes nothing.
 * ret_changed: something was changed, or would be; ret_json (may be NULL): the document that Apply
 * answers. 0, -EINVAL when the set was refused, other -errno.
 */
int apply(struct manager *m, unsigned flags, bool *ret_changed, char **ret_json);

/** Asked for by a signal: told in the log. While somebody else writes settings it's put off. */
void apply_reload(struct manager *m);

/** The same when the directories changed: only what is new is told. */
void apply_changed(struct manager *m);

/** Loads, and tries the settings of the machine alone: they go back unless confirmed in time. */
int apply_try(struct manager *m, uint64_t try_usec, bool *ret_changed, char **ret_json);

/** A process that is new in the policy, wanted and not begun. All of a set are added before the first one
 *  begins, so that those that `after` names are there. NULL, logged, without memory. */
struct process *apply_add(
	struct manager *m, struct policy_set *set, const struct process_policy *policy);
/** Adopts or starts it. */
void apply_begin(struct process *p);

/** At start: settings of the host, then each process adopted or started. */
int apply_first(struct manager *m, struct policy_set *set);

#endif
