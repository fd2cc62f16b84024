/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps on when and where the process runs. A refusal has one of few causes (no capability and no limit,
 * a group without real-time budget, CPUs that aren't there); the neighbour of each step finds out which.
 */
#include "exec/launch.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/units.h"

/* The kernel's struct sched_attr, first version; older libcs don't declare it. */
struct scheduling {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static bool is_realtime(int64_t policy) {
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static void explain_scheduler(struct launch *l, const struct step *s, int error) {
	struct rlimit limit = { 0 };

	if (error == EINVAL) {
		snprintf(l->why, sizeof(l->why),
			"the kernel knows no such policy, or priority %" PRId64
			" isn't in its range",
			s->number[1]);
		return;
	}
	if (error != EPERM)
		return;
	(void)getrlimit(RLIMIT_RTPRIO, &limit);
	if (is_realtime(s->number[0]) && has_capability(CAP_SYS_NICE))
		snprintf(l->why, sizeof(l->why),
			"CAP_SYS_NICE is there, so it is the control group that has no real-time "
			"budget (CONFIG_RT_GROUP_SCHED): give it cpu.rt_runtime_us, or start the "
			"launcher in the root group");
	else if (is_realtime(s->number[0]))
		snprintf(l->why, sizeof(l->why),
			"the launcher lacks CAP_SYS_NICE and its rtprio limit is %llu: give it the "
			"capability, or raise the limit to %" PRId64
			" (limits.rtprio, LimitRTPRIO=, /etc/security/limits.conf)",
			(unsigned long long)limit.rlim_cur, s->number[1]);
	else
		snprintf(l->why, sizeof(l->why),
			"the launcher lacks CAP_SYS_NICE: give it the capability, or raise the nice "
			"limit (LimitNICE=)");
}

int step_scheduler(struct launch *l, const struct step *s) {
	struct scheduling a = {
		.size = sizeof(a),
		.policy = (uint32_t)s->number[0],
		.priority = (uint32_t)s->number[1],
		.nice = is_realtime(s->number[0]) ? 0 : (int32_t)s->number[2],
	};

	if (syscall(SYS_sched_setattr, 0, &a, 0u) == 0)
		return 0;
	explain_scheduler(l, s, errno);
	return -errno;
}

int step_nice(struct launch *l, const struct step *s) {
	if (setpriority(PRIO_PROCESS, 0, (int)s->number[0]) == 0)
		return 0;
	if (errno == EACCES || errno == EPERM)
		snprintf(l->why, sizeof(l->why),
			"a lower nice value needs CAP_SYS_NICE or a nice limit that allows it "
			"(LimitNICE=)");
	return -errno;
}

/* The kernel takes a mask that is there only in part, and runs on the rest. */
static int check_affinity(struct launch *l, const cpu_set_t *wanted) {
	cpu_set_t actual;

	if (sched_getaffinity(0, sizeof(actual), &actual) < 0)
		return -errno;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, wanted) && !CPU_ISSET(cpu, &actual)) {
			snprintf(l->why, sizeof(l->why),
				"CPU %u isn't online, or the cpuset group doesn't allow it", cpu);
			return -EINVAL;
		}
	return 0;
}

int step_affinity(struct launch *l, const struct step *s) {
	uint64_t cpus[CPU_LIST_WORDS];
	cpu_set_t wanted;
	int r = parse_cpu_list(s->text, cpus);

	if (r < 0)
		return r;
	CPU_ZERO(&wanted);
	for (unsigned cpu = 0; cpu < CPU_LIST_MAX; cpu++)
		if (cpus[cpu / 64] >> (cpu % 64) & 1)
			CPU_SET(cpu, &wanted);
	if (sched_setaffinity(0, sizeof(wanted), &wanted) == 0)
		return check_affinity(l, &wanted);
	r = -errno;
	if (r == -EINVAL)
		snprintf(l->why, sizeof(l->why),
			"none of these CPUs is online and allowed by the cpuset group: see "
			"/sys/devices/system/cpu/online and correct scheduling.cpus");
	return r;
}
