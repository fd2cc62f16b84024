/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts, swap areas and some settings take rights that the loop's thread has given up. */
#include "daemon/host/host-hands.h"

/* The arguments of a call, on their way to the other thread */
struct call {
	const struct transaction *t;
	const struct policy_set *set;
	const char *setting;
	unsigned flags;
	bool force; /* or only_due */
	uint64_t try_usec;
	struct settings *settings;
	struct host_writes *writes;
	size_t *n;
	char *problem;
};

static int do_apply(void *userdata) {
	const struct call *c = userdata;

	return transaction_apply(
		c->t, c->set, c->flags, c->try_usec, c->settings, c->writes, c->problem);
}

static int do_reapply(void *userdata) {
	const struct call *c = userdata;

	return transaction_reapply(c->t, c->set, c->setting, c->writes, c->problem);
}

static int do_rollback(void *userdata) {
	const struct call *c = userdata;

	return transaction_rollback(c->t, c->force, c->writes, c->problem);
}

static int do_revert(void *userdata) {
	const struct call *c = userdata;

	return transaction_revert(c->t, c->force, c->writes, c->problem);
}

static int do_confirm(void *userdata) {
	const struct call *c = userdata;

	return transaction_confirm(c->t, c->n, c->problem);
}

static int do_read(void *userdata) {
	const struct call *c = userdata;

	return settings_diff(c->set, c->t->root, c->t->state_dir, c->settings);
}

int hands_read_settings(struct hands *h, const struct transaction *t, const struct policy_set *set,
	struct settings *ret) {
	struct call c = { .t = t, .set = set, .settings = ret };

	return hands_do(h, do_read, &c);
}

int hands_apply(struct hands *h, const struct transaction *t, const struct policy_set *set,
	unsigned flags, uint64_t try_usec, struct settings *ret, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	struct call c = { .t = t,
		.set = set,
		.flags = flags,
		.try_usec = try_usec,
		.settings = ret,
		.writes = ret_writes,
		.problem = problem };

	return hands_do(h, do_apply, &c);
}

int hands_reapply(struct hands *h, const struct transaction *t, const struct policy_set *set,
	const char *setting, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]) {
	struct call c = {
		.t = t, .set = set, .setting = setting, .writes = ret_writes, .problem = problem
	};

	return hands_do(h, do_reapply, &c);
}

int hands_rollback(struct hands *h, const struct transaction *t, bool force,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]) {
	struct call c = { .t = t, .force = force, .writes = ret_writes, .problem = problem };

	return hands_do(h, do_rollback, &c);
}

int hands_revert(struct hands *h, const struct transaction *t, bool only_due,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]) {
	struct call c = { .t = t, .force = only_due, .writes = ret_writes, .problem = problem };

	return hands_do(h, do_revert, &c);
}

int hands_confirm(struct hands *h, const struct transaction *t, size_t *ret_n,
	char problem[static SETTING_REASON_MAX]) {
	struct call c = { .t = t, .n = ret_n, .problem = problem };

	return hands_do(h, do_confirm, &c);
}
