/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_HOST_HANDS_H
#define RTMEM_DAEMON_HOST_HANDS_H

/* The transactions of host/transaction.h that may write settings of the machine, done by the hands. */
#include "daemon/confine/hands.h"
#include "host/transaction.h"

/** settings_diff() of host/settings.h, for where the hands see other settings than the loop's thread. */
int hands_read_settings(struct hands *h, const struct transaction *t, const struct policy_set *set,
	struct settings *ret);
int hands_apply(struct hands *h, const struct transaction *t, const struct policy_set *set,
	unsigned flags, uint64_t try_usec, struct settings *ret, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);
int hands_reapply(struct hands *h, const struct transaction *t, const struct policy_set *set,
	const char *setting, struct host_writes *ret_writes,
	char problem[static SETTING_REASON_MAX]);
int hands_rollback(struct hands *h, const struct transaction *t, bool force,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]);
int hands_revert(struct hands *h, const struct transaction *t, bool only_due,
	struct host_writes *ret_writes, char problem[static SETTING_REASON_MAX]);
int hands_confirm(struct hands *h, const struct transaction *t, size_t *ret_n,
	char problem[static SETTING_REASON_MAX]);

#endif
