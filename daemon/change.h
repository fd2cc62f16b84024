/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CHANGE_H
#define RTMEM_DAEMON_CHANGE_H

/* What a new policy set means for each process. Deciding only; apply.c does it. */
#include "daemon/manager.h"
#include "host/transaction.h"
#include "libpolicy/diagnostic.h"

enum change_kind {
	CHANGE_KEEP,
	CHANGE_START,
	CHANGE_RESTART,
	CHANGE_STOP,
	CHANGE_UPDATE, /* takes effect on the running process */
	CHANGE_KIND_MAX,
};
const char *change_kind_to_string(enum change_kind kind);

struct change {
	enum change_kind kind;
	char *name;
	const char *reason;
	struct process *process; /* NULL with CHANGE_START */
	const struct process_policy *policy; /* of the new set; NULL with CHANGE_STOP */
};

struct changes {
	struct change *items;
	size_t n_items;
};

void changes_done(struct changes *c);
/** 0 or -ENOMEM. */
int changes_decide(const struct manager *m, const struct policy_set *set, struct changes *ret);
bool changes_any(const struct changes *c);

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
 *  "processes":[{name, action, reason}]}; members that are NULL are empty. 0 or -ENOMEM. */
int change_document(const struct change_report *report, char **ret_json);

#endif
