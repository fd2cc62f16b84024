/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of causes, the most certain first. A row has a test on the facts and a sentence; the first
 * row that applies speaks. Arithmetic stands in the sentence, so that the reader can check it and take
 * the number for the new limit from it.
 */
#include "common/diagnose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"

void diagnose_facts_init(struct diagnose_facts *f) {
	*f = (struct diagnose_facts){
		.memlock_soft = BYTES_UNLIMITED,
		.memlock_hard = BYTES_UNLIMITED,
		.address_space_soft = BYTES_UNLIMITED,
		.data_soft = BYTES_UNLIMITED,
		.cgroup_limit = BYTES_UNLIMITED,
		.available_bytes = BYTES_UNLIMITED,
	};
}

static uint64_t sum(uint64_t a, uint64_t b) {
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static bool exceeds(uint64_t used, uint64_t needed, uint64_t limit) {
	return limit != BYTES_UNLIMITED && sum(used, needed) > limit;
}

static bool may_lock_without_limit(const struct diagnose_facts *f) {
	return f->cap_ipc_lock && !f->user_namespace;
}

static const char *size_text(uint64_t bytes, char buf[static UNITS_TEXT_MAX]) {
	return format_size_rounded(bytes, buf);
}

/* ---- seccomp ----------------------------------------------------------------------------------- */

static bool is_seccomp(const struct diagnose_facts *f) {
	bool refused = f->error == EPERM || f->error == EACCES || f->error == ENOSYS;

	return refused && f->seccomp == 2 && (may_lock_without_limit(f) || f->memlock_soft > 0);
}

static void tell_seccomp(const struct diagnose_facts *f, char *buf, size_t size) {
	snprintf(buf, size,
		"a seccomp filter forbids it (Seccomp: 2 in /proc/self/status; %s would allow it): let "
		"mlockall through (SystemCallFilter=@memlock in a systemd unit, the seccomp profile of "
		"a container)",
		may_lock_without_limit(f) ? "CAP_IPC_LOCK" : "the memlock limit");
}

/* ---- right to lock ----------------------------------------------------------------------------- */

static bool is_no_right(const struct diagnose_facts *f) {
	return f->error == EPERM && !may_lock_without_limit(f) && f->memlock_soft == 0;
}

static const char *why_bound(const struct diagnose_facts *f) {
	return f->user_namespace ? "CAP_IPC_LOCK doesn't count in a user namespace"
				 : "CAP_IPC_LOCK isn't held";
}

/* The way out that the limit leaves: none in a user namespace. */
static const char *or_capability(const struct diagnose_facts *f) {
	return f->user_namespace ? " and, for a container, its launcher's (--ulimit memlock=)"
				 : " or add capabilities: [ipc_lock]";
}

static void tell_no_right(const struct diagnose_facts *f, char *buf, size_t size) {
	snprintf(buf, size,
		"the memlock limit is 0 and %s: set limits.memlock in the policy (LimitMEMLOCK=, "
		"/etc/security/limits.conf)%s",
		why_bound(f), or_capability(f));
}

static bool is_memlock(const struct diagnose_facts *f) {
	return !f->populates_only && !may_lock_without_limit(f) &&
		exceeds(f->locked_bytes, f->needed_bytes, f->memlock_soft);
}

static void tell_memlock(const struct diagnose_facts *f, char *buf, size_t size) {
	char soft[UNITS_TEXT_MAX], hard[UNITS_TEXT_MAX], locked[UNITS_TEXT_MAX];
	char needed[UNITS_TEXT_MAX];

	snprintf(buf, size,
		"the memlock limit is too low: %s locked + %s needed > soft limit %s (hard %s), and "
		"%s: raise limits.memlock in the policy (ulimit -l, LimitMEMLOCK=, "
		"/etc/security/limits.conf)%s",
		size_text(f->locked_bytes, locked), size_text(f->needed_bytes, needed),
		size_text(f->memlock_soft, soft), size_text(f->memlock_hard, hard), why_bound(f),
		or_capability(f));
}

/* ---- other limits of the process --------------------------------------------------------------- */

static bool is_data(const struct diagnose_facts *f) {
	return exceeds(f->data_bytes, f->needed_bytes, f->data_soft);
}

static void tell_limit(
	const char *name, uint64_t used, uint64_t needed, uint64_t limit, char *buf, size_t size) {
	char u[UNITS_TEXT_MAX], n[UNITS_TEXT_MAX], l[UNITS_TEXT_MAX];

	snprintf(buf, size,
		"the %s limit is too low: %s used + %s needed > %s: raise limits.%s in the policy or "
		"where the launcher is started",
		name, size_text(used, u), size_text(needed, n), size_text(limit, l), name);
}

static void tell_data(const struct diagnose_facts *f, char *buf, size_t size) {
	tell_limit("data", f->data_bytes, f->needed_bytes, f->data_soft, buf, size);
}

static bool is_address_space(const struct diagnose_facts *f) {
	return exceeds(f->size_bytes, f->needed_bytes, f->address_space_soft);
}

static void tell_address_space(const struct diagnose_facts *f, char *buf, size_t size) {
	tell_limit("as", f->size_bytes, f->needed_bytes, f->address_space_soft, buf, size);
}

/* ---- control group and machine ----------------------------------------------------------------- */

static bool is_cgroup(const struct diagnose_facts *f) {
	return exceeds(f->cgroup_used, f->needed_bytes, f->cgroup_limit);
}

static void tell_cgroup(const struct diagnose_facts *f, char *buf, size_t size) {
	char used[UNITS_TEXT_MAX], needed[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	snprintf(buf, size,
		"the memory control group is too small: %s used + %s needed > %s in %.200s: raise it "
		"(MemoryMax= of the unit, --memory of the container) or ask for less in memory.heap",
		size_text(f->cgroup_used, used), size_text(f->needed_bytes, needed),
		size_text(f->cgroup_limit, limit), f->cgroup_path ? f->cgroup_path : "memory.max");
}

static bool is_overcommit(const struct diagnose_facts *f) {
	return f->overcommit == 2 && exceeds(f->committed, f->needed_bytes, f->commit_limit);
}

static void tell_overcommit(const struct diagnose_facts *f, char *buf, size_t size) {
	char used[UNITS_TEXT_MAX], needed[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	snprintf(buf, size,
		"vm.overcommit_memory is 2 and the machine has promised too much already: %s "
		"committed + %s needed > CommitLimit %s: raise vm.overcommit_ratio or "
		"vm.overcommit_kbytes, or set vm.overcommit_memory to 0 or 1",
		size_text(f->committed, used), size_text(f->needed_bytes, needed),
		size_text(f->commit_limit, limit));
}

static bool is_machine(const struct diagnose_facts *f) {
	return f->available_bytes != BYTES_UNLIMITED &&
		sum(f->needed_bytes, f->reserve_bytes) > f->available_bytes;
}

static void tell_machine(const struct diagnose_facts *f, char *buf, size_t size) {
	char needed[UNITS_TEXT_MAX], available[UNITS_TEXT_MAX], reserve[UNITS_TEXT_MAX];
	char kept[UNITS_TEXT_MAX + 64] = "";

	if (f->reserve_bytes)
		snprintf(kept, sizeof(kept), ", of which memory.host_reserve keeps %s",
			size_text(f->reserve_bytes, reserve));
	snprintf(buf, size,
		"the machine has too little memory left: %s needed, MemAvailable %s%s: ask for less in "
		"memory.heap, or free some (huge pages that are reserved and unused count as taken)",
		size_text(f->needed_bytes, needed), size_text(f->available_bytes, available), kept);
}

struct cause {
	bool (*applies)(const struct diagnose_facts *f);
	void (*tell)(const struct diagnose_facts *f, char *buf, size_t size);
};

static const struct cause causes[] = {
	{ is_seccomp, tell_seccomp },
	{ is_no_right, tell_no_right },
	{ is_memlock, tell_memlock },
	{ is_data, tell_data },
	{ is_address_space, tell_address_space },
	{ is_cgroup, tell_cgroup },
	{ is_overcommit, tell_overcommit },
	{ is_machine, tell_machine },
};

bool diagnose(const struct diagnose_facts *f, char *buf, size_t size) {
	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].applies(f)) {
			causes[i].tell(f, buf, size);
			return true;
		}
	if (f->error == 0)
		buf[0] = '\0';
	else
		snprintf(buf, size,
			"no limit, capability, filter or control group of this process explains it: "
			"see the kernel log (a security module may have refused)");
	return false;
}
