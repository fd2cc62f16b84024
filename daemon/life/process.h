/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_DAEMON_PROCESS_H
#define RTMEM_DAEMON_PROCESS_H

/*
 * A managed process: a name and a policy that last, and a run that comes and goes with the pid.
 * The policy is configuration; everything else here is run-time state.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/launch/cgroup-state.h"
#include "daemon/life/rest-state.h"
#include "daemon/life/restart.h"
#include "daemon/life/settle.h"
#include "daemon/life/state.h"
#include "daemon/verdict/verdict.h"
#include "daemon/watch/children.h"
#include "daemon/watch/events.h"
#include "daemon/watch/faults.h"
#include "daemon/watch/relock.h"
#include "daemon/watch/seal.h"
#include "daemon/watch/stacks.h"
#include "libpolicy/policy.h"

struct manager;
struct pending;

/** The file that a process runs. */
struct image {
	bool known;
	dev_t device;
	ino_t inode;
};

/** Properties as clients were told last (news.c). */
struct told_process {
	pid_t pid;
	uint32_t restarts;
	enum process_state state;
	enum wanted wanted;
	enum compliance compliance;
	bool ready;
	uint32_t n_awaited;
	uint32_t n_pending; /* process::n_pending */
};

/** From spawn (or adoption) to exit. */
struct run {
	pid_t pid;
	uint64_t start_ticks; /* with the pid, the identity of a process since boot */
	uint64_t began_usec; /* CLOCK_MONOTONIC, of the launch or the adoption */
	uint64_t watchdog_usec; /* as the program asked for; 0 = as the policy says */
	uint64_t plan_hash; /* of the launch plan that it was started with */
	int pidfd;
	int report_fd; /* -1 once the other side has closed it */
	int status_fd; /* /proc/PID/status, kept open */
	int statm_fd; /* /proc/PID/statm; -1 until the first light reading */

	bool adopted; /* by a later rtmemd than the one that launched it */
	bool gap; /* adopted, and some time nobody counted */
	bool stored; /* its descriptors are kept by our manager too */
	bool uncollected; /* ended, and its parent hasn't asked yet how */
	bool injection_wanted;
	bool other_environment; /* its environment files have changed since */
	bool outdated; /* launched under an older policy or release */
	bool begun; /* the program itself runs, not rtmem-exec any more */
	bool ready;
	bool late; /* ready.timeout is over */
	bool lock_asked; /* balanced: HANDOFF_LOCK was sent, REPORT_LOCKED is awaited */
	bool terminated; /* SIGTERM was sent */
	bool judge_due; /* something came that is judged at once */
	bool section_due; /* a section told of faults, and is judged soon */
	bool fork_placed; /* the library said where in the program one was called */
	bool memory_valid; /* of memory below */
	bool effective_valid; /* of effective below */
	enum exit_cause cause; /* EXIT_CAUSE_CLEAN = nobody wants its end */

	unsigned n_packets; /* taken from report_fd since packets_usec */
	unsigned n_forks_told; /* by the library, and not seen in the kernel's records yet */
	uint64_t packets_usec;
	struct report *report; /* of libinit, cut behind its text; NULL = none came */
	char *injection_cause; /* why rtmem-exec says that the library can't be loaded */
	char *failure; /* what rtmem-exec or libinit said when they gave up */
	struct note *notes; /* from the launch and the adoption */
	size_t n_notes;
	const char *
		announced; /* "stopping" or "reloading" in the program's own words; NULL = neither */
	char *status_text; /* STATUS= of the program, printable; NULL = it said nothing */
	char *held; /* of rtmem-hold: what it holds, common/held.h; NULL = it said nothing */
	char *unready; /* what stands in the way of ready */
	char *progress; /* of a long preparation, in its own words */
	uint64_t progress_bytes;
	struct events events;

	struct settle settle;
	struct relock relock;
	struct seal seal;
	struct image image;
	struct stacks stacks;
	struct children children;
	uint64_t size_bytes; /* VmSize as of the last look at the heap */
	uint64_t unlocked_bytes; /* as of the last reading that was believed */
	uint64_t heap_missing_bytes; /* of the heap that was made present */
	struct faults faults;
	struct fault_count since_ready;
	struct fault_count unwatched; /* at most, after ready, while no rtmemd counted */
	uint64_t follow_usec; /* since when a right to write its record is earned */
	unsigned n_follow; /* such rights */
	struct fault_count recorded; /* what stands in its record */
	struct fault_count recorded_stat;
	uint64_t recorded_events;
	struct process_memory memory;
	struct process_size statm; /* as of the last reading */
	struct effective effective;
	uint64_t sample_due_usec;
	uint64_t refreshed_usec; /* read for a client */
	uint64_t thorough_due_usec;

	sd_event_source *exit_source;
	sd_event_source *report_source;
	sd_event_source *ready_timer; /* end of ready.timeout */
	sd_event_source *poll_timer; /* looks whether it has settled */
	sd_event_source *watchdog_timer;
	sd_event_source *collect_timer; /* end of the wait for how it ended */
};

struct process {
	struct manager *manager;
	char *name;
	struct policy_set *set; /* owner of policy */
	const struct process_policy
		*policy; /* what the run is held to, and the next launch follows */
	struct pending *pending; /* a newer policy that waits for a launch; NULL = none */
	uint32_t n_pending; /* how often that has changed */
	enum process_state state;
	enum wanted wanted; /* against state, which is actual */
	enum wanted_by wanted_by;
	bool waiting; /* stopped, until those that `after` names are ready */
	bool removed; /* no policy wants it: forgotten once it has ended */
	struct restart_history history;
	uint32_t n_restarts;
	char *failure; /* why the last run ended badly or never began */
	sd_event_source *delay_timer;
	uint64_t delay_until_usec; /* when the delay of a restart is over */
	uint64_t plan_hash; /* of the last launch; 0 = none got so far */
	uint64_t record_hash; /* of the record as written last; 0 = there may be none */
	sd_event_source *kill_timer; /* end of stop.timeout */
	uint64_t kill_at_usec; /* when that is */
	struct run *run; /* NULL = no process */
	struct told_process told; /* to clients */

	pid_t session; /* of the last run: the pid of its main process, 0 = none yet */
	bool session_adopted; /* so that its orphans aren't ours */
	struct ending ending; /* of the last run */
	struct rest rest; /* what is left of it */

	struct cgroup_state cgroup;

	enum compliance compliance;
	struct finding *findings;
	size_t n_findings;
	struct note *notes;
	size_t n_notes;
};

struct process *process_new(
	struct manager *m, struct policy_set *set, const struct process_policy *policy);
struct process *process_free(struct process *p);
/** Takes over a changed policy that needs no restart. */
int process_set_policy(
	struct process *p, struct policy_set *set, const struct process_policy *policy);

/** Somebody wants it started, stopped or restarted (EVENT_START, EVENT_STOP, EVENT_RESTART): remembers
 *  that, forgets the count of restarts, and feeds what follows to the state machine. May free a removed
 *  process. */
void process_ask(struct process *p, enum process_event event, enum wanted_by by);
/** Feeds an event to the state machine and does what it says. May free a removed process: the
 *  caller doesn't touch p afterwards unless it isn't removed. */
void process_dispatch(struct process *p, enum process_event event);
/** Remembers why, replacing what was there. */
__attribute__((format(printf, 2, 3))) void process_failure(
	struct process *p, const char *format, ...);

/** Takes the pid over: opens its descriptors, watches for its end. On failure nothing is kept, and
 *  the process itself is left alone. */
int run_new(struct process *p, pid_t pid, struct run **ret);
/** The same with a pidfd that is there already; it's the run's from now on, also on failure. */
int run_new_with(struct process *p, pid_t pid, int pidfd, struct run **ret);
struct run *run_free(struct run *r);
__attribute__((format(printf, 3, 4))) void run_note(
	struct run *r, const char *rule, const char *format, ...);
/** Keeps a copy of what libinit reported. */
int run_keep_report(struct run *r, const struct report *report);
/** The first words about why a run failed are kept; later ones are mostly consequences. */
void run_failure(struct run *r, const char *text);

/** Monotonic clock of the event loop's present iteration. */
uint64_t process_now(const struct process *p);
/** Ready, failed, stopped or too late: nothing more to wait for at start-up. */
bool process_is_decided(const struct process *p);

#endif
