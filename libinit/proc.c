/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library knows of its process, by plain read(2) into buffers on the stack: stdio would
 * allocate.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cgroup-room.h"
#include "common/units.h"
#include "libinit/init.h"

#define STATUS_MAX  4096
#define MEMINFO_MAX 4096

int proc_status_read(struct proc_status *ret) {
	char text[STATUS_MAX] = "";
	ssize_t n = proc_read("/proc/self/status", text, sizeof(text));
	const char *capabilities;
	uint64_t seccomp = 0;

	*ret = (struct proc_status){ 0 };
	if (n < 0)
		return (int)n;
	if (!proc_field(text, "VmSize", &ret->size_bytes) ||
		!proc_field(text, "VmLck", &ret->locked_bytes))
		return -EBADMSG;
	(void)proc_field(text, "VmData", &ret->data_bytes);
	(void)proc_field(text, "HugetlbPages", &ret->hugetlb_bytes);
	(void)proc_field(text, "Threads", &ret->n_threads);
	(void)proc_field(text, "Seccomp", &seccomp);
	ret->seccomp = (int)seccomp;
	capabilities = proc_line(text, "CapEff");
	if (capabilities)
		ret->capabilities = strtoull(capabilities, NULL, 16);
	return 0;
}

uint64_t proc_unlocked_bytes(const struct proc_status *s) {
	uint64_t covered = s->locked_bytes + s->hugetlb_bytes;

	return s->size_bytes > covered ? s->size_bytes - covered : 0;
}

static uint64_t from_rlim(rlim_t value) {
	return value == RLIM_INFINITY ? BYTES_UNLIMITED : value;
}

static void limit_facts(struct diagnose_facts *f) {
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) == 0) {
		f->memlock_soft = from_rlim(r.rlim_cur);
		f->memlock_hard = from_rlim(r.rlim_max);
	}
	if (getrlimit(RLIMIT_AS, &r) == 0)
		f->address_space_soft = from_rlim(r.rlim_cur);
	if (getrlimit(RLIMIT_DATA, &r) == 0)
		f->data_soft = from_rlim(r.rlim_cur);
}

static void status_facts(struct diagnose_facts *f) {
	struct proc_status s;

	if (proc_status_read(&s) < 0)
		return;
	f->size_bytes = s.size_bytes;
	f->locked_bytes = s.locked_bytes;
	f->data_bytes = s.data_bytes;
	f->cap_ipc_lock = s.capabilities >> CAP_IPC_LOCK & 1;
	f->seccomp = s.seccomp;
}

static void machine_facts(struct diagnose_facts *f) {
	char text[MEMINFO_MAX] = "";

	if (proc_read("/proc/sys/vm/overcommit_memory", text, sizeof(text)) > 0)
		f->overcommit = (int)strtol(text, NULL, 10);
	if (proc_read("/proc/meminfo", text, sizeof(text)) > 0) {
		(void)proc_field(text, "MemAvailable", &f->available_bytes);
		(void)proc_field(text, "CommitLimit", &f->commit_limit);
		(void)proc_field(text, "Committed_AS", &f->committed);
	}
}

/* The initial namespace maps all of 32 bits onto itself. */
static bool in_user_namespace(void) {
	unsigned inside, outside, count;
	char text[256];

	if (proc_read("/proc/self/uid_map", text, sizeof(text)) <= 0 ||
		sscanf(text, "%u %u %u", &inside, &outside, &count) != 3)
		return false;
	return inside != 0 || outside != 0 || count != UINT32_MAX;
}

void proc_facts(struct diagnose_facts *ret, char *path, size_t path_size) {
	diagnose_facts_init(ret);
	limit_facts(ret);
	status_facts(ret);
	machine_facts(ret);
	ret->user_namespace = in_user_namespace();
	cgroup_room("/proc/self/cgroup", ret, path, path_size);
}
