/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `lock_files` among the settings of the machine, one for each pattern: what rtmem-hold says it holds, in
 * its last notification. Nothing is read for that, and nothing can be set again: the helper does it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/held.h"
#include "common/names.h"
#include "common/strv.h"
#include "daemon/host/host.h"

#define PREFIX "lock_files."

static const char *const causes[] = {
	[HELD_ALL] = "",
	[HELD_MISSING] = "nothing of this name is there",
	[HELD_NO_RIGHT] = "locking them takes CAP_IPC_LOCK, or a higher RLIMIT_MEMLOCK",
	[HELD_NO_ROOM] = "they don't fit into the memory that is available",
	[HELD_UNREADABLE] = "they can't be read: permission denied",
	[HELD_FAILED] = "`rtmemctl status lock_files` says why",
};

static struct process *find_holder(const struct manager *m) {
	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i]->policy && m->processes[i]->policy->holds_files &&
			!m->processes[i]->removed)
			return m->processes[i];
	return NULL;
}

bool host_files_wanted(const struct manager *m) {
	return find_holder(m) != NULL;
}

static enum setting_result judge(const struct held_files *h, char actual[static 64],
	char reason[static SETTING_REASON_MAX]) {
	*reason = '\0';
	snprintf(actual, 64, "%u file%s", h->n_files, h->n_files == 1 ? "" : "s");
	if (h->cause == HELD_ALL)
		return SETTING_OK;
	if (h->cause == HELD_MISSING) {
		*actual = '\0';
		snprintf(reason, SETTING_REASON_MAX, "%s", causes[HELD_MISSING]);
		return SETTING_NOT_APPLICABLE;
	}
	snprintf(reason, SETTING_REASON_MAX, "%u file%s that %s to be held %s: %s", h->n_failed,
		h->n_failed == 1 ? "" : "s", h->n_failed == 1 ? "was" : "were",
		h->n_failed == 1 ? "isn't" : "aren't", causes[h->cause]);
	return SETTING_DRIFT;
}

/* What can be said while nothing runs. */
static enum setting_result judge_absent(
	const struct process *p, char reason[static SETTING_REASON_MAX]) {
	snprintf(reason, SETTING_REASON_MAX,
		"nothing holds them: process " HOLDER_NAME " is %s%s%s",
		process_state_to_string(p->state), p->failure ? ": " : "",
		p->failure ? p->failure : "");
	return SETTING_DRIFT;
}

static int append(struct settings *host, const struct process *p, const char *pattern,
	const struct held_files *held) {
	struct setting_state *grown = reallocarray(
		host->items, host->n_items + 1, sizeof(*host->items));
	char actual[64] = "", reason[SETTING_REASON_MAX];
	struct setting_state *s;

	if (!grown)
		return -ENOMEM;
	host->items = grown;
	s = &grown[host->n_items++];
	*s = (struct setting_state){ .place = p->policy->place };
	s->result = held ? judge(held, actual, reason) : judge_absent(p, reason);
	s->wanted = strdup("held");
	s->actual = strdup(actual);
	s->reason = strdup(reason);
	if (asprintf(&s->setting, PREFIX "%s", pattern) < 0)
		s->setting = NULL;
	return s->setting && s->wanted && s->actual && s->reason ? 0 : -ENOMEM;
}

int host_files_append(const struct manager *m, struct settings *host) {
	const struct process *p = find_holder(m);
	struct held_files held[HELD_PATTERNS_MAX];
	size_t n = 0, i = 0;

	if (!p)
		return 0;
	if (p->run && p->run->held)
		n = held_parse(p->run->held, held);
	if (n == 0 && p->run) /* it's being started, and will say soon */
		return 0;
	STRV_FOREACH (pattern, p->policy->command + 1) {
		int r;

		if (p->run && i >= n)
			break;
		r = append(host, p, *pattern, p->run ? &held[i] : NULL);
		if (r < 0)
			return r;
		i++;
	}
	return 0;
}
