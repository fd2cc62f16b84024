/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_LIBPOLICY_POLICY_H
#define RTMEM_LIBPOLICY_POLICY_H

/*
 * The typed policy: what a file asks for, after the reader has checked each key and `inherits:` has
 * been resolved. Configuration only; nothing that changes at run time lives here. Every value that a
 * rule or a finding may have to point at carries the place where it was written.
 *
 * "Not set" is said by the type: NULL, `set == false`, or an enum's _UNSET; defaults of the key table
 * are filled in by the reader, so only keys without a default are ever unset.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "common/strv.h"
#include "common/units.h"

/** Where something was written; file is owned by the policy set. line and column count from 1. */
struct place {
	const char *file;
	unsigned line;
	unsigned column;
};

enum lock_mode {
	LOCK_NONE,
	LOCK_STRICT,
	LOCK_BALANCED,
	LOCK_ONFAULT,
	LOCK_MODE_MAX
};
enum thp_mode {
	THP_DEFAULT,
	THP_OFF,
	THP_MODE_MAX
};
enum heap_allocator {
	ALLOCATOR_GLIBC,
	ALLOCATOR_JEMALLOC,
	ALLOCATOR_MIMALLOC,
	ALLOCATOR_MAX
};
enum heap_pages {
	HEAP_PAGES_DEFAULT,
	HEAP_PAGES_2M,
	HEAP_PAGES_1G,
	HEAP_PAGES_MAX
};
enum pages_fallback {
	PAGES_FALLBACK_REFUSE,
	PAGES_FALLBACK_ALLOW,
	PAGES_FALLBACK_MAX
};
enum inject_mode {
	INJECT_AUTO,
	INJECT_PRELOAD,
	INJECT_PTRACE,
	INJECT_NONE,
	INJECT_MODE_MAX
};
enum fork_mode {
	FORK_ALLOW,
	FORK_REPORT,
	FORK_PRECOPY,
	FORK_DENY,
	FORK_MODE_MAX
};
enum children_mode {
	CHILDREN_NONE,
	CHILDREN_INHERIT,
	CHILDREN_MODE_MAX
};
enum ready_when {
	READY_NOTIFY,
	READY_SETTLE,
	READY_EXEC,
	READY_WHEN_MAX
};
enum on_violation {
	VIOLATION_REPORT,
	VIOLATION_RESTART,
	VIOLATION_STOP,
	ON_VIOLATION_MAX
};
enum restart_when {
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
	RESTART_WHEN_MAX
};
enum seal_mode {
	SEAL_OFF,
	SEAL_REPORT,
	SEAL_DENY,
	SEAL_MODE_MAX
};
enum on_timeout {
	TIMEOUT_REPORT,
	TIMEOUT_FAIL,
	ON_TIMEOUT_MAX
};
enum on_change {
	ON_CHANGE_REPORT,
	ON_CHANGE_RESTART,
	ON_CHANGE_MAX
};
enum host_thp {
	HOST_THP_UNSET,
	HOST_THP_ALWAYS,
	HOST_THP_MADVISE,
	HOST_THP_NEVER,
	HOST_THP_MAX
};

const char *lock_mode_to_string(enum lock_mode m);
const char *ready_when_to_string(enum ready_when w);
const char *on_violation_to_string(enum on_violation v);
const char *restart_when_to_string(enum restart_when w);
/** "term", "int" ... */
const char *stop_signal_to_string(int sig);

struct limit {
	bool set;
	/* in the resource's own unit; BYTES_UNLIMITED = unlimited. Soft and hard limit alike */
	uint64_t value;
	struct place place;
};

struct scheduling_policy {
	int policy; /* SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR; -1 = not set */
	int priority; /* 1..99 with fifo and rr, else 0 */
	int nice;
	bool nice_set;
	bool cpus_set;
	uint64_t cpus[CPU_LIST_WORDS];
	struct place place;
};

struct heap_policy {
	uint64_t prealloc_bytes; /* 0 = none */
	uint32_t arenas; /* of the allocator; 0 = not set: see heap_arenas() */
	enum heap_allocator allocator;
	enum heap_pages pages;
	enum pages_fallback pages_fallback;
	struct place place;
};

/** One arena is what keeps every thread of a glibc program within prealloc; other allocators choose. */
static inline uint32_t heap_arenas(const struct heap_policy *h) {
	return h->arenas ? h->arenas : h->allocator == ALLOCATOR_GLIBC ? 1 : 0;
}

struct stack_policy {
	uint64_t main_bytes; /* depth of the main thread's stack made present; 0 = leave */
	uint64_t threads_bytes; /* default size of other threads' stacks; 0 = leave */
	uint32_t reserve; /* stacks of threads made ahead; 0 = none */
	uint64_t margin_bytes; /* unused part of each stack below which it is a finding; 0 = any */
	uint32_t expected_threads; /* threads beside the main one that the budget reckons with */
	struct place place;
};

struct memory_policy {
	enum lock_mode lock;
	struct heap_policy heap;
	struct stack_policy stack;
	enum thp_mode thp;
	enum seal_mode seal;
	uint64_t host_reserve_bytes; /* what prefaulting leaves available on the machine */
	struct place place;
};

struct ready_policy {
	enum ready_when when;
	uint64_t timeout_usec;
	enum on_timeout on_timeout;
	uint64_t settle_usec;
	struct place place;
};

struct compliance_policy {
	uint64_t minor_faults; /* allowed since ready; BYTES_UNLIMITED = don't judge */
	uint64_t major_faults;
	uint64_t interval_usec;
	enum on_violation on_violation;
	struct place place;
};

struct restart_policy {
	enum restart_when when;
	uint64_t delay_usec; /* of the first; it doubles */
	uint64_t delay_max_usec; /* at most; not above delay_usec: it never grows */
	uint32_t limit; /* restarts within the window before `failed`; 0 = no limit */
	uint64_t window_usec;
	struct place place;
};

/** The pause before the n-th restart in a row, n counting from 1: doubled each time, up to delay_max, or
 *  delay if that's more. */
uint64_t restart_policy_delay(const struct restart_policy *r, uint32_t n);

struct stop_policy {
	int signal; /* SIGTERM ...: what asks the program to end */
	uint64_t timeout_usec; /* until the whole tree is killed */
	struct place place;
};

/** Texts: "inherit", "journal", "none" or an absolute path; NULL = not set. */
struct output_policy {
	char *standard; /* NULL = inherit */
	char *error; /* NULL = like standard */
	uint64_t rotate_bytes; /* of a file; 0 = never */
	uint32_t rotate_keep;
	struct place place;
};

/** cgroup v2; 0 = not set. */
struct cgroup_policy {
	uint64_t memory_min_bytes;
	uint64_t memory_low_bytes;
	uint64_t memory_max_bytes;
	struct place place;
};

struct process_policy {
	char *name;
	struct place place;
	bool holds_files; /* the one that keeps host.lock_files: command + 1 are the patterns */
	char **command; /* argv; argv[0] with a slash, or looked up in PATH */
	char *user; /* name or number; NULL = the launcher's own */
	char *group; /* NULL = the user's primary group */
	char **groups; /* supplementary; NULL = those of the user database */
	char **environment; /* "KEY=VALUE" */
	char **environment_files; /* absolute paths; "-" before one: it may be missing */
	char *working_directory;
	uint32_t umask;
	bool umask_set;
	uint64_t capabilities; /* bit mask 1 << CAP_*; ambient */
	bool capabilities_set;
	struct limit limits[RLIM_NLIMITS]; /* index RLIMIT_* */
	bool oom_score_adjust_set;
	int oom_score_adjust;
	struct scheduling_policy scheduling;
	struct cgroup_policy cgroup;
	enum inject_mode inject;
	enum fork_mode fork;
	enum children_mode children;
	struct memory_policy memory;
	struct place after_place;
	char **after; /* names of processes that are started, and ready, before it */
	struct ready_policy ready;
	struct compliance_policy compliance;
	struct restart_policy restart;
	struct stop_policy stop;
	uint64_t watchdog_usec; /* 0 = none */
	struct output_policy output;
	enum on_change on_change;
};

/** One wish for the machine: "hugepages.2M", "hugepages.2M.node0", "transparent_hugepage",
 *  "sysctl.vm.swappiness" and the text that the kernel file should show. */
struct host_wish {
	char *setting;
	char *wanted;
	struct place place;
	bool reapply; /* when it drifts: `host.drift` of the file that has the wish */
};

/** The frozen, merged set of a run of directories (or of one file). Shared: ref and unref. */
struct policy_set {
	unsigned n_ref;
	struct process_policy *processes; /* in lexical order of file, then order of writing */
	size_t n_processes;
	const struct process_policy **by_name; /* sorted; NULL while the set is being built */
	struct process_policy *profiles; /* resolved like processes; command may be NULL */
	size_t n_profiles;
	struct host_wish *wishes;
	size_t n_wishes;
	char **files; /* paths read, in order; owners of every place.file */
};

struct policy_set *policy_set_ref(struct policy_set *s);
struct policy_set *policy_set_unref(struct policy_set *s);
const struct process_policy *policy_set_find(const struct policy_set *s, const char *name);
const struct process_policy *policy_set_find_profile(const struct policy_set *s, const char *name);
/** Same launch for both? Compares all that needs a restart, not compliance or places. */
bool process_policy_same_launch(const struct process_policy *a, const struct process_policy *b);
/** The other half: all that a running process takes over. */
bool process_policy_same_watch(const struct process_policy *a, const struct process_policy *b);

static inline void policy_set_unref_cleanup(struct policy_set **s) {
	*s = policy_set_unref(*s);
}
#define _cleanup_policy_set_ CLEANUP(policy_set_unref_cleanup)

#endif
