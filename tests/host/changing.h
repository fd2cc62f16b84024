/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_HOST_CHANGING_H
#define RTMEM_TESTS_HOST_CHANGING_H

/* What the tests of transactions share: a machine of four settings. Boots are a file in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "host/transaction.h"
#include "support/tree.h"

#define SWAPPINESS "proc/sys/vm/swappiness"
#define OVERCOMMIT "proc/sys/vm/overcommit_memory"
#define UNMOVABLE  "proc/sys/vm/compact_unevictable_allowed"
#define HUGE_2M	   "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define BOOT	   "proc/sys/kernel/random/boot_id"
#define JOURNAL	   "state/journal"
#define MINUTE	   (60 * UINT64_C(1000000))

struct fixture {
	char *tree;
	char *state_dir;
	struct transaction t;
	struct host_wish wishes[8];
	struct policy_set set;
	struct settings settings;
	struct host_writes writes;
	char problem[SETTING_REASON_MAX];
	int on_try_result;
	char *journal_at_try; /* as it was when the try was armed */
};

int changing_setup(void **state);
int changing_teardown(void **state);
void want(struct fixture *f, const char *setting, const char *wanted);
void want_all(struct fixture *f);
int apply_with(struct fixture *f, unsigned flags, uint64_t try_usec);
void apply(struct fixture *f);
void roll_back(struct fixture *f, bool force);
void revert(struct fixture *f, bool only_due);
struct try_state tried(struct fixture *f);
void assert_value(struct fixture *f, const char *path, const char *value);
void assert_originals(struct fixture *f);
const struct host_write *find_write(struct fixture *f, const char *setting);

#define CASE(name) cmocka_unit_test_setup_teardown(name, changing_setup, changing_teardown)

#endif
