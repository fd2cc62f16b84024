/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The judgement. Each rule is a function that adds a finding when policy and evidence differ; the table
 * at the end is the list of them. A rule whose evidence is missing says nothing: what couldn't be read
 * is reported where it is read. Rules about memory apply from `ready` on, because everything before is
 * preparation.
 */
#include "daemon/verdict/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/units.h"

const char *compliance_to_string(enum compliance c) {
	static const char *const names[COMPLIANCE_MAX] = {
		[COMPLIANCE_STOPPED] = "stopped",
		[COMPLIANCE_PENDING] = "pending",
		[COMPLIANCE_COMPLIANT] = "compliant",
		[COMPLIANCE_VIOLATING] = "violating",
		[COMPLIANCE_UNPROTECTED] = "unprotected",
	};

	return names[c];
}

void findings_add(struct findings *f, const char *rule, const char *wanted, const char *seen,
	const char *detail) {
	struct finding *item;

	if (f->n_items == FINDINGS_MAX)
		return;
	item = &f->items[f->n_items++];
	*item = (struct finding){ .rule = "" }; /* compared as a whole later */
	snprintf(item->rule, sizeof(item->rule), "%s", rule);
	snprintf(item->wanted, sizeof(item->wanted), "%s", wanted);
	snprintf(item->seen, sizeof(item->seen), "%s", seen);
	snprintf(item->detail, sizeof(item->detail), "%s", detail ? detail : "");
}

void findings_note(struct findings *f, const char *rule, const char *format, ...) {
	struct note *note;
	va_list args;

	if (f->n_notes == NOTES_MAX)
		return;
	note = &f->notes[f->n_notes++];
	*note = (struct note){ .rule = "" };
	snprintf(note->rule, sizeof(note->rule), "%s", rule);
	va_start(args, format);
	vsnprintf(note->detail, sizeof(note->detail), format, args);
	va_end(args);
}

static void judge_count(const char *rule, uint64_t allowed, uint64_t seen, const char *detail,
	struct findings *ret) {
	char wanted_text[UNITS_TEXT_MAX], seen_text[UNITS_TEXT_MAX];

	if (seen <= allowed)
		return;
	snprintf(wanted_text, sizeof(wanted_text), "%" PRIu64, allowed);
	snprintf(seen_text, sizeof(seen_text), "%" PRIu64, seen);
	findings_add(ret, rule, wanted_text, seen_text, detail);
}

static const char *perf_remedy(int error) {
	switch (-error) {
	case EACCES:
		return "; allow perf with kernel.perf_event_paranoid <= 2 and CAP_PERFMON";
	case EPERM: /* the kernel itself says EACCES */
		return "; a seccomp filter forbids it, as that of most containers does: allow "
		       "perf_event_open in its profile";
	case EMFILE:
		return "; raise the limit of descriptors of rtmemd (LimitNOFILE= of its unit)";
	case ENFILE:
		return "; raise the sysctl fs.file-max";
	default:
		return "";
	}
}

/* More than allowed may have come while nobody counted; within what is allowed it doesn't matter. */
static void judge_unwatched(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct compliance_policy *c = &p->compliance;
	uint64_t minor = e->faults.minor + e->unwatched.minor;
	uint64_t major = e->faults.major + e->unwatched.major;
	char seen[80];

	if ((e->unwatched.minor == 0 || minor <= c->minor_faults) &&
		(e->unwatched.major == 0 || major <= c->major_faults))
		return;
	snprintf(seen, sizeof(seen), "up to %" PRIu64 " minor, %" PRIu64 " major", minor, major);
	findings_add(ret, UNWATCHED_RULE, "faults counted without a gap", seen,
		"some came, or pages were populated ahead, while no rtmemd ran; restart the process "
		"for a new count, or have the service manager keep the counters "
		"(FileDescriptorStoreMax= of rtmemd.service)");
}

static void judge_faults(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	char moved[480];
	bool may_be_moved = e->pages_move && p->memory.lock != LOCK_NONE && e->report;

	snprintf(moved, sizeof(moved), "%s%s%s", e->faults_detail ? e->faults_detail : "",
		e->faults_detail && may_be_moved ? "; " : "",
		may_be_moved
			? "the kernel may move locked pages here, which shows as a minor fault "
			  "(vm.compact_unevictable_allowed is 1)"
			: "");
	judge_count("minor_faults", p->compliance.minor_faults, e->faults.minor, moved, ret);
	judge_count(
		"major_faults", p->compliance.major_faults, e->faults.major, e->faults_detail, ret);
	if (e->faults_from_proc)
		findings_note(ret, "faults",
			"counted from /proc, because perf_event_open was refused (%s): pages populated "
			"ahead count too%s",
			e->perf_error ? strerror(-e->perf_error) : "no reason known",
			perf_remedy(e->perf_error));
}

/* strict and onfault lock all that is and will be: the rest is what the kernel can't lock */
static void judge_lock_all(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct process_memory *m = e->memory;
	char wanted[80], seen[112], number[3][UNITS_TEXT_MAX];
	uint64_t locked = m->locked_bytes + m->hugetlb_bytes;
	uint64_t unlocked = m->size_bytes > locked ? m->size_bytes - locked : 0;
	uint64_t allowed = UNLOCKABLE_BYTES_MAX;

	if (e->report->unlocked_bytes < allowed)
		allowed = e->report->unlocked_bytes;
	if (unlocked <= allowed)
		return;
	snprintf(wanted, sizeof(wanted), "%s: at most %s unlocked",
		lock_mode_to_string(p->memory.lock), format_size(allowed, number[0]));
	snprintf(seen, sizeof(seen), "%s unlocked of %s", format_size_rounded(unlocked, number[1]),
		format_size_rounded(m->size_bytes, number[2]));
	findings_add(ret, "lock", wanted, seen,
		locked == 0
			? "nothing is locked: the program called munlockall(), or the lock never took"
			: "the program called munlock() or mlockall() itself, or mapped device memory, "
			  "which can't be locked");
}

/* balanced locks what exists at ready; later mappings are free, but nothing may be given back */
static void judge_lock_balanced(const struct evidence *e, struct findings *ret) {
	char wanted[80], seen[112], number[UNITS_TEXT_MAX];
	uint64_t least = e->report->heap_bytes ? e->report->heap_bytes : 1;

	if (e->memory->locked_bytes >= least)
		return;
	snprintf(wanted, sizeof(wanted), "balanced: at least %s locked",
		least > 1 ? format_size(least, number) : "something");
	snprintf(seen, sizeof(seen), "%s", format_size(e->memory->locked_bytes, number));
	findings_add(ret, "lock", wanted, seen,
		"the program called munlock() or munlockall() after it became ready");
}

/* Without a report nothing was locked, so nobody can have undone it: `injection` says it all. */
static void judge_lock(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	if (!e->report || p->memory.lock == LOCK_NONE)
		return;
	if (p->memory.lock == LOCK_BALANCED)
		judge_lock_balanced(e, ret);
	else
		judge_lock_all(p, e, ret);
}

static void judge_heap_end(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	uint64_t had = e->report->heap_bytes;
	uint64_t has = had > e->heap_missing_bytes ? had - e->heap_missing_bytes : 0;
	char wanted[UNITS_TEXT_MAX], seen[UNITS_TEXT_MAX];

	if (e->heap_missing_bytes == 0 || had == 0 || p->memory.heap.prealloc_bytes == 0)
		return;
	findings_add(ret, "heap_prealloc", format_size(p->memory.heap.prealloc_bytes, wanted),
		format_size_rounded(has, seen),
		"the heap is smaller than it was made: the program called malloc_trim() or brk()");
}

static void judge_memory(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct process_memory *m = e->memory;
	char seen[UNITS_TEXT_MAX];

	if (!m)
		return;
	judge_lock(p, e, ret);
	if (p->memory.lock != LOCK_NONE && m->swap_bytes > 0)
		findings_add(ret, "swap", "0", format_size(m->swap_bytes, seen),
			"pages were swapped out: they can't have been locked");
	if (p->memory.thp == THP_OFF && m->thp_enabled)
		findings_add(ret, "thp", "off", "on",
			"the program switched transparent huge pages on again (PR_SET_THP_DISABLE)");
}

static void judge_size(const char *rule, uint64_t wanted, uint64_t seen, const char *detail,
	struct findings *ret) {
	char wanted_text[UNITS_TEXT_MAX], seen_text[UNITS_TEXT_MAX];

	if (wanted == 0 || seen >= wanted)
		return;
	findings_add(
		ret, rule, format_size(wanted, wanted_text), format_size(seen, seen_text), detail);
}

/* What the library itself says that it reached */
static void judge_report(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct report *r = e->report;
	const struct limit *core = &p->limits[RLIMIT_CORE];

	if (!r)
		return;
	if (r->injection == REPORT_BY_PTRACE)
		findings_note(ret, "injection",
			"prepared from outside (ptrace), without a library inside: what the program does "
			"to its own memory later is seen by its effect, not by the call");
	if (r->kind == REPORT_INIT_PARTIAL)
		findings_add(ret, "injection", "all of the policy", r->step, r->text);
	judge_heap_end(p, e, ret);
	/* from outside no heap can be proved; what that means for this program was noted at its start */
	if (r->injection != REPORT_BY_PTRACE)
		judge_size("heap_prealloc", p->memory.heap.prealloc_bytes, r->heap_bytes,
			"less free heap was made present than the policy asks for", ret);
	judge_size("stack.main", p->memory.stack.main_bytes, r->main_stack_bytes,
		"the main thread's stack isn't present as deep as the policy asks for", ret);
	if (core->set && core->value == 0 && r->dumpable == 1)
		findings_add(ret, "dumpable", "0", "1",
			"core dumps through a pipe ignore the core limit of 0");
}

static void judge_stacks(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	char wanted[80], seen[112], detail[200], number[2][UNITS_TEXT_MAX];
	uint64_t margin = p->memory.stack.margin_bytes, size;

	if (!e->tightest || stack_left(e->tightest) >= margin)
		return;
	size = stack_size(e->tightest);
	snprintf(wanted, sizeof(wanted), "at least %s unused", format_size(margin, number[0]));
	snprintf(seen, sizeof(seen), "%s left of %s",
		format_size_rounded(stack_left(e->tightest), number[0]),
		format_size_rounded(size, number[1]));
	snprintf(detail, sizeof(detail),
		"thread %s (tid %d) has used %s of its stack at some time: raise memory.stack.%s",
		e->tightest_thread ? e->tightest_thread : "?", (int)e->tightest->tid,
		format_size_rounded(size - stack_left(e->tightest), number[0]),
		e->tightest_is_main ? "main" : "threads, or the size that the program asks for");
	findings_add(ret, "stack", wanted, seen, detail);
}

static void judge_children(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	char seen[112];

	if (!e->unlocked_child || p->children != CHILDREN_INHERIT || p->memory.lock == LOCK_NONE)
		return;
	snprintf(seen, sizeof(seen), "nothing locked in %s (pid %d)", e->unlocked_child->name,
		(int)e->unlocked_child->pid);
	findings_add(ret, "children", "locked like their parent", seen,
		"it was made without the library, or its environment was cleaned: "
		"start it with RTMEM_INIT and LD_PRELOAD as they were, or as a process of its own");
}

static void judge_injection(const struct evidence *e, struct findings *ret) {
	if (!e->injection_wanted || e->report)
		return;
	findings_add(ret, "injection", "library loaded", "no report",
		e->injection_cause ? e->injection_cause
				   : "the library didn't say that it ran; whether the program was "
				     "prepared isn't known, so nothing about it is believed");
}

static void judge_ready(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	char wanted[80], timeout[UNITS_TEXT_MAX];

	snprintf(wanted, sizeof(wanted), "%s within %s", ready_when_to_string(p->ready.when),
		format_duration(p->ready.timeout_usec, timeout));
	findings_add(ret, "ready", wanted, e->unready ? e->unready : "not ready", NULL);
}

static enum compliance judge_unready(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	if (!e->late)
		return COMPLIANCE_PENDING;
	judge_injection(e, ret);
	judge_ready(p, e, ret);
	return e->injection_wanted && !e->report ? COMPLIANCE_UNPROTECTED : COMPLIANCE_VIOLATING;
}

enum compliance verdict(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	ret->n_items = 0;
	ret->n_notes = 0;
	if (!e->running) {
		if (e->failure)
			findings_add(ret, "launch", "running", "failed", e->failure);
		return COMPLIANCE_STOPPED;
	}
	if (!e->ready)
		return judge_unready(p, e, ret);
	judge_injection(e, ret);
	judge_faults(p, e, ret);
	judge_unwatched(p, e, ret);
	judge_memory(p, e, ret);
	judge_report(p, e, ret);
	judge_stacks(p, e, ret);
	judge_children(p, e, ret);
	verdict_effective(p, e, ret);
	verdict_cgroup(p, e, ret);
	verdict_events(p, e, ret);
	verdict_seal(p, e, ret);
	if (e->injection_wanted && !e->report)
		return COMPLIANCE_UNPROTECTED;
	return ret->n_items ? COMPLIANCE_VIOLATING : COMPLIANCE_COMPLIANT;
}
