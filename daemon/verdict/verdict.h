/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_VERDICT_H
#define RTMEM_DAEMON_VERDICT_H

/* policy x evidence -> findings. Pure: no clock, no /proc, no allocation. */
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "common/handoff.h"
#include "daemon/launch/cgroup-state.h"
#include "daemon/watch/children.h"
#include "daemon/watch/events.h"
#include "daemon/watch/seal.h"
#include "daemon/watch/stacks.h"
#include "host/process.h"
#include "libpolicy/policy.h"

#define FINDINGS_MAX 32
#define NOTES_MAX    12

#define UNWATCHED_RULE "unwatched"

/* What the kernel itself keeps unlocked in every process (vdso, vvar): the most that is believed when
 * a report says so, since reports come from the process that is judged. */
#define UNLOCKABLE_BYTES_MAX (64u << 10)

enum compliance {
	COMPLIANCE_STOPPED,
	COMPLIANCE_PENDING, /* not ready yet */
	COMPLIANCE_COMPLIANT,
	COMPLIANCE_VIOLATING,
	COMPLIANCE_UNPROTECTED, /* the library didn't report */
	COMPLIANCE_MAX,
};
const char *compliance_to_string(enum compliance c);

/** One difference between what the policy wants and what is. */
struct finding {
	char rule[40];
	char wanted[80];
	char seen[112];
	char detail[480];
};

/** An explanation that isn't a violation. */
struct note {
	char rule[40];
	char detail[400];
};

struct findings {
	struct finding items[FINDINGS_MAX];
	size_t n_items;
	struct note notes[NOTES_MAX];
	size_t n_notes;
};

/** What the kernel enforces on the process now. */
struct effective {
	bool limits_valid;
	struct rlimit limits[RLIM_NLIMITS];
	bool scheduler_valid;
	int policy, priority, nice;
	bool cpus_valid;
	uint64_t cpus[CPU_LIST_WORDS];
};

struct evidence {
	bool running;
	bool ready;
	bool late; /* the time to become ready is over */
	const char *unready; /* with late: what stood in the way */
	bool injection_wanted;
	const char *injection_cause; /* why the library can't have been loaded; NULL = not known */
	const struct report *report; /* NULL = none came */
	const char *failure; /* why the last run ended or never began; NULL = nothing to say */
	struct fault_count faults; /* since ready */
	const char *faults_detail; /* which threads; NULL = not known */
	bool pages_move; /* the kernel may move locked pages on this machine */
	struct fault_count unwatched; /* at most, while no rtmemd counted */
	bool faults_from_proc;
	int perf_error; /* with faults_from_proc: why, -errno; 0 = not known */
	const struct process_memory *memory; /* NULL = couldn't be read */
	const struct effective *effective; /* NULL = not read yet */
	const struct events *events; /* NULL = none */
	const struct seal *seal; /* NULL = not known */
	const struct child *unlocked_child; /* NULL = none is known */
	const struct stack *tightest; /* stack with the least left; NULL = not known */
	const char *tightest_thread; /* its name */
	bool tightest_is_main;
	const struct cgroup_state *cgroup; /* NULL = not looked at */
	uint64_t heap_missing_bytes; /* given back to the system since the start */
};

enum compliance verdict(
	const struct process_policy *p, const struct evidence *e, struct findings *ret);

void findings_add(struct findings *f, const char *rule, const char *wanted, const char *seen,
	const char *detail);
__attribute__((format(printf, 3, 4))) void findings_note(
	struct findings *f, const char *rule, const char *format, ...);

/** The rules of effective limits, scheduler and CPUs; a part of verdict(). */
void verdict_effective(
	const struct process_policy *p, const struct evidence *e, struct findings *ret);
/** The same of the control group. */
void verdict_cgroup(const struct process_policy *p, const struct evidence *e, struct findings *ret);

#endif
