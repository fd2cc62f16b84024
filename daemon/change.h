/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_CHANGE_H
#define RTMEM_DAEMON_CHANGE_H

/* What a new policy set means for each process. Deciding only; apply.c does it. */
#include "daemon/manager.h"
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

/** {"version":1,"result":...,"diagnostics":[],"host":[],"processes":[{name, action, reason}]} */
int change_document(const char *result, const struct diagnostics *d, const struct settings *host,
	const struct changes *changes, char **ret_json);

#endif
