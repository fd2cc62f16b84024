/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each rule looks at the facts and says one thing; the table at the end is the order in which a person
 * wants to hear them. The causes of a lock that fails are diagnose()'s.
 */
#include "ctl/checkup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

#define NEVER_LOCKED_BYTES (128u << 10) /* vdso, vvar: the kernel never locks them */

const char *remark_kind_to_string(enum remark_kind kind) {
	static const char *const names[REMARK_KIND_MAX] = {
		[REMARK_OK] = "ok",
		[REMARK_ADVICE] = "advice",
		[REMARK_PROBLEM] = "problem",
	};

	return names[kind];
}

static __attribute__((format(printf, 4, 5))) void say(
	struct remarks *r, const char *subject, enum remark_kind kind, const char *format, ...) {
	struct remark *item = &r->items[r->n_items];
	va_list args;

	if (r->n_items == REMARKS_MAX)
		return;
	r->n_items++;
	item->subject = subject;
	item->kind = kind;
	va_start(args, format);
	vsnprintf(item->text, sizeof(item->text), format, args);
	va_end(args);
}

/* ---- the lock ---------------------------------------------------------------------------------- */

static void on_trial(const struct checkup_facts *f, struct remarks *r) {
	char why[REMARK_TEXT_MAX - 96], size[UNITS_TEXT_MAX];

	format_size(CHECKUP_TRIAL_BYTES, size);
	if (f->lock.d.error == 0) {
		say(r, "lock", REMARK_OK,
			"a program started from here can lock its memory: %s were, for a trial",
			size);
		return;
	}
	(void)diagnose(&f->lock.d, why, sizeof(why));
	say(r, "lock", REMARK_PROBLEM, "a trial with %s failed (%s): %s", size,
		strerror(f->lock.d.error), why);
}

static uint64_t unlocked(const struct process_memory *m) {
	uint64_t covered = m->locked_bytes + m->hugetlb_bytes;

	return m->size_bytes > covered ? m->size_bytes - covered : 0;
}

/* Not locked is no problem by itself: what a lock would meet is. */
static void on_unlocked(const struct checkup_facts *f, struct remarks *r) {
	const struct process_memory *m = &f->memory;
	char why[REMARK_TEXT_MAX - 200], part[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];
	struct diagnose_facts d = f->lock.d;
	bool would_fail;

	d.error = 0;
	would_fail = diagnose(&d, why, sizeof(why));
	format_size_rounded(unlocked(m), part);
	format_size_rounded(m->size_bytes, all);
	if (m->locked_bytes == 0)
		say(r, "lock", REMARK_PROBLEM, "nothing of %s is locked: %s%s", all,
			would_fail
				? "a lock of it all fails, because "
				: "nothing stands in the way of a lock, so the program asked for none, undid it, or lost it in fork() or exec()",
			why);
	else
		say(r, "lock", REMARK_PROBLEM, "%s of %s aren't locked: %s%s", part, all,
			would_fail
				? "a lock of the rest fails, because "
				: "the program locked before it had all of it (MCL_CURRENT without MCL_FUTURE), or gave a part back (munlock())",
			why);
}

static void on_lock(const struct checkup_facts *f, struct remarks *r) {
	char all[UNITS_TEXT_MAX];

	if (f->tried)
		on_trial(f, r);
	else if (unlocked(&f->memory) > NEVER_LOCKED_BYTES)
		on_unlocked(f, r);
	else
		say(r, "lock", REMARK_OK, "all of %s is locked",
			format_size_rounded(f->memory.size_bytes, all));
}

static void on_memlock(const struct checkup_facts *f, struct remarks *r) {
	const struct diagnose_facts *d = &f->lock.d;
	char soft[UNITS_TEXT_MAX], hard[UNITS_TEXT_MAX];
	const char *effect = "";

	if (d->cap_ipc_lock)
		effect = d->user_namespace
			? "; CAP_IPC_LOCK is held, but doesn't count in a user namespace"
			: "; CAP_IPC_LOCK is held, under which the limit doesn't bind";
	say(r, "memlock", REMARK_OK, "limit %s (hard %s)%s", format_size(d->memlock_soft, soft),
		format_size(d->memlock_hard, hard), effect);
}

static void on_seccomp(const struct checkup_facts *f, struct remarks *r) {
	if (f->lock.d.seccomp == 2)
		say(r, "seccomp", REMARK_ADVICE,
			"a filter of system calls is on: one without mlockall (~@memlock) would make "
			"it fail with EPERM");
}

/* ---- the process ------------------------------------------------------------------------------- */

static void on_faults(const struct checkup_facts *f, struct remarks *r) {
	if (f->pid == 0)
		return;
	say(r, "faults", REMARK_OK,
		"%" PRIu64 " minor, %" PRIu64
		" major since its start, pages made present by a lock "
		"included; under rtmem only real ones since it became ready are counted",
		f->faults.minor, f->faults.major);
}

static void on_swapped(const struct checkup_facts *f, struct remarks *r) {
	char size[UNITS_TEXT_MAX];

	if (f->pid && f->memory.swap_bytes > 0)
		say(r, "swapped", REMARK_PROBLEM,
			"%s are swapped out: each page comes back by a major fault",
			format_size_rounded(f->memory.swap_bytes, size));
}

static void on_prepared(const struct checkup_facts *f, struct remarks *r) {
	if (f->pid == 0 || !f->prepared_known)
		return;
	say(r, "rtmem", REMARK_OK, "%s",
		f->prepared ? "prepared by rtmem's library"
			    : "not prepared by rtmem's library (by ptrace leaves no trace here)");
}

/* ---- rights of the caller ---------------------------------------------------------------------- */

static void on_realtime(const struct checkup_facts *f, struct remarks *r) {
	if (!f->tried)
		return;
	if (f->realtime_error == 0)
		say(r, "realtime", REMARK_OK, "real-time priorities can be had");
	else
		say(r, "realtime", REMARK_ADVICE,
			"SCHED_FIFO is refused (%s): CAP_SYS_NICE or an rtprio limit (LimitRTPRIO=, "
			"/etc/security/limits.conf) allows it; in a control group of cgroup v1, "
			"cpu.rt_runtime_us has to as well",
			strerror(f->realtime_error));
}

static void on_counter(const struct checkup_facts *f, struct remarks *r) {
	if (!f->tried)
		return;
	if (f->perf_error == 0)
		say(r, "counters", REMARK_OK, "page faults can be counted by the kernel (perf)");
	else
		say(r, "counters", REMARK_ADVICE,
			"page faults can't be counted by the kernel (%s; "
			"kernel.perf_event_paranoid is %d): CAP_PERFMON allows it, else counts "
			"come from /proc",
			strerror(f->perf_error), f->perf_event_paranoid);
}

/* ---- the machine ------------------------------------------------------------------------------- */

static void on_swap(const struct checkup_facts *f, struct remarks *r) {
	if (f->swap_on)
		say(r, "swap", REMARK_ADVICE,
			"on: whatever isn't locked may go there; host: { swap: off }");
}

static void on_moving(const struct checkup_facts *f, struct remarks *r) {
	if (f->locked_pages_move == 1)
		say(r, "compaction", REMARK_ADVICE,
			"the kernel may move locked pages, and who touches one meanwhile takes a minor "
			"fault; host: { sysctl: { vm.compact_unevictable_allowed: 0 } }");
}

static void on_hugepage(const struct checkup_facts *f, struct remarks *r) {
	if (strcmp(f->transparent_hugepage, "always") == 0)
		say(r, "hugepages", REMARK_ADVICE,
			"transparent huge pages are always made, behind a program's back: memory.thp: off "
			"keeps them away from one, host: { transparent_hugepage: madvise } from all");
}

static void on_throttling(const struct checkup_facts *f, struct remarks *r) {
	if (f->realtime_share_usec > 0)
		say(r, "throttling", REMARK_ADVICE,
			"real-time threads that never wait are stopped for a part of each second; "
			"host: { rt_throttling: off } after they were seen to wait");
}

static void (*const rules[])(const struct checkup_facts *f, struct remarks *r) = {
	on_lock,
	on_memlock,
	on_seccomp,
	on_swapped,
	on_faults,
	on_prepared,
	on_realtime,
	on_counter,
	on_swap,
	on_moving,
	on_hugepage,
	on_throttling,
};

void checkup(const struct checkup_facts *f, struct remarks *ret) {
	ret->n_items = 0;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i](f, ret);
}

enum remark_kind remarks_worst(const struct remarks *r) {
	enum remark_kind worst = REMARK_OK;

	for (size_t i = 0; i < r->n_items; i++)
		if (r->items[i].kind > worst)
			worst = r->items[i].kind;
	return worst;
}
