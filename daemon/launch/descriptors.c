/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A managed process takes some ten descriptors, so the soft limit is raised as far as the hard one goes.
 * When processes have used them up, the daemon shall still answer and read: a launch works under a limit
 * that is lower by a reserve.
 */
#include "daemon/launch/descriptors.h"

#include <stdint.h>

#include "daemon/log.h"

#define RESERVE_MAX 160u /* clients, sockets, rings, and the files that are open for a moment */
#define OWN	    32u

/* pidfd, status, statm, report socket, output, control group, two counters of faults */
#define PER_PROCESS	    8u
#define PER_PROCESS_AND_CPU 2u /* samples of both kinds of faults */

void descriptors_init(struct descriptors *d) {
	struct rlimit limit;

	*d = (struct descriptors){ .given = { RLIM_INFINITY, RLIM_INFINITY } };
	if (getrlimit(RLIMIT_NOFILE, &d->given) < 0)
		return;
	limit = d->given;
	limit.rlim_cur = limit.rlim_max;
	d->raised = d->given.rlim_cur == limit.rlim_cur || setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static rlim_t ours(const struct descriptors *d) {
	return d->raised ? d->given.rlim_max : d->given.rlim_cur;
}

static rlim_t less_reserve(rlim_t limit) {
	if (limit == RLIM_INFINITY)
		return limit;
	return limit - (limit / 4 < RESERVE_MAX ? limit / 4 : RESERVE_MAX);
}

void descriptors_use(const struct descriptors *d, enum descriptors_use use) {
	struct rlimit limit = d->given;

	if (limit.rlim_max == 0) /* nobody has asked what it is */
		return;
	if (use == DESCRIPTORS_DAEMON)
		limit.rlim_cur = ours(d);
	else if (use == DESCRIPTORS_PROCESS)
		limit.rlim_cur = less_reserve(ours(d));
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

size_t descriptors_for_processes(const struct descriptors *d) {
	rlim_t limit = less_reserve(ours(d));

	return limit == RLIM_INFINITY || limit > SIZE_MAX ? SIZE_MAX : (size_t)limit;
}

size_t descriptors_needed(size_t n_processes, size_t n_cpus) {
	return OWN + n_processes * (PER_PROCESS + n_cpus * PER_PROCESS_AND_CPU);
}

void descriptors_expect(const struct descriptors *d, size_t n_processes, size_t n_cpus) {
	size_t needed = descriptors_needed(n_processes, n_cpus);
	size_t there = descriptors_for_processes(d);

	if (needed > there)
		log_warning(
			"%zu processes take about %zu descriptors, and there are %zu for them: raise "
			"the limit of rtmemd (LimitNOFILE= of its unit), or the last ones won't start",
			n_processes, needed, there);
}
