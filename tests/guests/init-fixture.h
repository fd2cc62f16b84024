/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_GUESTS_INIT_FIXTURE_H
#define RTMEM_TESTS_GUESTS_INIT_FIXTURE_H

/* What tests of the injected library have in common. */
#include "launch-fixture.h"

#define UNLOCKABLE_MAX (128u << 10) /* vdso and vvar */

/** strict, one arena, stacks of 256K, reports to the fixture; nothing else asked. */
struct init_order strict_order(void);
/** The library said that all is done; its report. */
const struct report *assert_prepared(const struct outcome *o);
/** The program ended well; skips the test where the kernel doesn't let it count its own faults. */
void assert_counted(const struct outcome *o);
/** program-workers under this order: threads, MiB of a block, "one" or NULL. */
void run_workers(const struct init_order *order, const char *threads, const char *mib,
	const char *mode, struct outcome *o);
/** Adds steps: an ordinary user without capabilities under this memlock limit. */
void as_nobody(struct plan *p, uint64_t memlock_bytes);

#endif
