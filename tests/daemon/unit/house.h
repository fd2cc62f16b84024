/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_DAEMON_HOUSE_H
#define RTMEM_TESTS_DAEMON_HOUSE_H

/*
 * A manager that the test makes up: the processes of a policy, in a runtime directory of its own,
 * without a single real process behind them. Every failure ends the test.
 */
#include "daemon/manager.h"

#define HOUSE_PID 0x7ffffff0 /* no kernel gives such a pid */

struct house {
	char *tree;
	struct options options;
	struct manager manager;
};

/** cmocka setup and teardown; *state is a struct house. */
int house_setup(void **state);
int house_teardown(void **state);
/** The set of this text; the caller's reference. */
struct policy_set *house_parse(const char *text);
/** Every process of the policy, stopped, and the set as that of the manager. */
void house_move_in(struct house *h, const char *text);
/** The process, with a run that has no descriptors. */
struct process *house_run(struct house *h, const char *name);

#endif
