/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_LOCAL_H
#define RTMEM_CTL_LOCAL_H

/* Transactions without rtmemd, by the same library, lock and journal. Documents are as the daemon's;
 * each call returns an exit status, 0 = done, and has said what went wrong. */
#include "ctl/ctl.h"
#include "host/transaction.h"

struct transaction local_transaction(const struct options *o);
int local_apply(const struct options *o, bool *ret_changed, char **ret_text);
int local_rollback(const struct options *o, bool force, char **ret_text);
int local_confirm(const struct options *o, char **ret_text);
int local_revert(const struct options *o, bool only_due, char **ret_text);

#endif
