/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CHANGE_H
#define RTMEM_DAEMON_CHANGE_H

/* What a new policy set means for each process. Deciding only; apply.c does it. */
#include "daemon/manager.h"
#include "host/transaction.h"
#include "libpolicy/diagnostic.h"
#include "libpolicy/difference.h"

enum change_kind {
	CHANGE_KEEP,
	CHANGE_START,
	CHANGE_RESTART,
	CHANGE_STOP,
	CHANGE_UPDATE, /* takes effect on the running process */
	CHANGE_PENDING, /* what of it the running process can follow takes effect; the rest waits */
	CHANGE_KIND_MAX,
};
const char *change_kind_to_string(enum change_kind kind);

struct change_value {
	char from[DIFFERENCE_VALUE_MAX];
	char to[DIFFERENCE_VALUE_MAX];
};

struct change {
	enum change_kind kind;
	bool known; /* CHANGE_PENDING: waited for the same since an earlier apply */
	char *name;
	char *reason;
	char *problem; /* what wouldn't work of it, or didn't; NULL = nothing */
	struct process *process; /* NULL with CHANGE_START */
	const struct process_policy *policy; /* of the new set; NULL with CHANGE_STOP */
	struct policy_differences differences; /* from what the process was held to */
	struct change_value *values; /* of each of them, for people */
};

struct changes {
	struct change *items;
	size_t n_items;
};

void changes_done(struct changes *c);
/** restart: what needs a new launch gets it. 0 or -ENOMEM. */
int changes_decide(
	const struct manager *m, const struct policy_set *set, bool restart, struct changes *ret);
/** Does one of them change anything that isn't changed yet? */
bool changes_any(const struct changes *c);
/** Keeps a copy of the text, "" = none. */
void change_problem(struct change *c, const char *text);

/** What Apply and Try answer. */
struct change_report {
	const char *result; /* "applied", "unchanged", "refused" */
	const char *problem; /* a sentence, or "" */
	const struct diagnostics *diagnostics;
	const struct settings *host;
	const struct host_writes *writes;
	const struct changes *changes;
};
/** {"version":1,"result":...,"problem":"","diagnostics":[],"host":[],"writes":[],
 *  "processes":[{name, action, reason, problem, changes: [{key, from, to, needs_restart}]}]}; members
 *  that are NULL are empty. 0 or -ENOMEM. */
int change_document(const struct change_report *report, char **ret_json);

#endif
