/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process::policy is always what the present run is held to. While something waits for a launch that is
 * a mixture, which borrows its texts from two sets: the one of the launch (process::set) and the newest.
 */
#include "daemon/reload/pending.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"

static struct pending *pending_free(struct pending *w) {
	if (!w)
		return NULL;
	policy_differences_done(&w->differences);
	policy_set_unref(w->set);
	free(w);
	return NULL;
}

int pending_set(struct process *p, struct policy_set *set, const struct process_policy *policy,
	const struct policy_differences *d) {
	struct pending *w = calloc(1, sizeof(*w));

	if (!w || policy_differences_copy(d, &w->differences) < 0) {
		free(w);
		return -ENOMEM;
	}
	w->set = policy_set_ref(set);
	w->policy = policy;
	process_policy_merge(p->policy, policy, d, &w->merged);
	(void)pending_free(p->pending);
	p->pending = w;
	p->n_pending++;
	p->policy = &w->merged;
	return 0;
}

void pending_take(struct process *p) {
	struct pending *w = TAKE(p->pending);
	struct policy_set *old = p->set;

	if (!w)
		return;
	p->set = policy_set_ref(w->set);
	p->policy = w->policy;
	p->n_pending++;
	(void)pending_free(w);
	policy_set_unref(old);
}

void pending_drop(struct process *p) {
	p->n_pending += p->pending != NULL;
	p->pending = pending_free(p->pending);
}

bool pending_any(const struct process *p) {
	return p->run && (p->pending || p->run->outdated || p->run->other_environment);
}

void pending_each(
	const struct process *p, void (*fn)(const char *key, void *userdata), void *userdata) {
	const struct policy_differences *d = p->pending ? &p->pending->differences : NULL;

	if (!p->run) /* the next start follows it anyway */
		return;
	for (size_t i = 0; d && i < d->n_items; i++)
		if (!d->items[i].live)
			fn(d->items[i].key, userdata);
	if (p->run->other_environment)
		fn("environment_files", userdata);
	if (p->run->outdated)
		fn("launch", userdata);
}
