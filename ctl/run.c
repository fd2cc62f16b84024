/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmemctl run: becomes the program. The plan is the daemon's plan; it's handed to rtmem-exec, which
 * takes this process's place, as the program then takes its: one pid throughout, so that signals, the
 * exit status and Type=notify go straight through.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/handoff.h"
#include "common/paths.h"
#include "ctl/policies.h"
#include "host/facts.h"
#include "libpolicy/launch.h"

static int load(const struct options *o, struct policy_set **ret) {
	char *const paths[] = { (char *)o->policy_file, NULL };

	if (o->policy_file && access(o->policy_file, F_OK) < 0)
		return fail(EXIT_LAUNCH_FAILED, "%s: %s", o->policy_file, strerror(errno));
	return policies_load(o, o->policy_file ? paths : NULL, ret, EXIT_LAUNCH_FAILED);
}

static int make_plan(const struct process_policy *p, struct plan *ret) {
	struct launch_problem problem = { 0 };
	_cleanup_facts_ struct facts facts = { .login = "" };
	int r = facts_gather(p, &facts, &problem);

	if (r == 0) {
		facts.launch.foreground = true;
		facts_read_target(p, &facts);
		r = launch_plan(p, &facts.launch, ret, &problem);
	}
	if (r < 0 && problem.text[0])
		return fail(EXIT_LAUNCH_FAILED, "policy %s (%s:%u), %s: %s", p->name, p->place.file,
			p->place.line, problem.key, problem.text);
	return r < 0 ? fail_errno(EXIT_LAUNCH_FAILED, r, "can't plan the launch") : 0;
}

/* Replaces this process; returns only on failure. */
static int become(const struct plan *plan) {
	char helper[PATH_MAX], number[16];
	_cleanup_close_ int fd = -1;
	int r = find_exec_helper(helper);

	if (r < 0)
		return fail(EXIT_LAUNCH_FAILED,
			"the helper rtmem-exec isn't there (%s): %s; install rtmem completely, or "
			"run from its build directory",
			helper, strerror(-r));
	fd = handoff_write(plan);
	if (fd < 0)
		return fail_errno(EXIT_LAUNCH_FAILED, fd, "can't write the launch plan");
	if (fcntl(fd, F_SETFD, 0) < 0)
		return fail_errno(EXIT_LAUNCH_FAILED, errno, "can't pass on the launch plan");
	snprintf(number, sizeof(number), "%d", fd);
	execl(helper, helper, "--plan-fd", number, (char *)NULL);
	return fail(EXIT_LAUNCH_FAILED, "can't start %s: %s", helper, strerror(errno));
}

int verb_run(const struct options *o, int argc, char *argv[]) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_plan_ struct plan plan = { 0 };
	const struct process_policy *found;
	struct process_policy policy;
	int r;

	if (!o->policy)
		return fail(EXIT_LAUNCH_FAILED,
			"run needs a policy: rtmemctl run --policy NAME -- COMMAND [ARGUMENT...]");
	r = load(o, &set);
	if (r != 0)
		return r;
	found = policies_find(set, o->policy);
	if (!found)
		return policies_unknown(set, o->policy, EXIT_LAUNCH_FAILED);
	policy = *found; /* borrowed, with another command */
	if (argc > 0)
		policy.command = argv;
	r = make_plan(&policy, &plan);
	return r != 0 ? r : become(&plan);
}
