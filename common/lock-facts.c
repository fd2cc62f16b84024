/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/lock-facts.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/capability.h"
#include "common/cgroup-room.h"
#include "common/proc-text.h"
#include "common/units.h"

#define FILE_MAX 8192

static ssize_t read_of(pid_t pid, const char *name, char buf[static FILE_MAX]) {
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return proc_read(path, buf, FILE_MAX);
}

/* From /proc: prlimit(2) of another user's process takes CAP_SYS_RESOURCE, reading takes nothing. */
uint64_t lock_facts_limit(pid_t pid, const char *name, bool hard) {
	char text[FILE_MAX] = "", soft_text[32], hard_text[32];
	const char *at = read_of(pid, "limits", text) > 0 ? strstr(text, name) : NULL;

	if (!at || sscanf(at + strlen(name), " %31s %31s", soft_text, hard_text) != 2)
		return BYTES_UNLIMITED;
	return strcmp(hard ? hard_text : soft_text, "unlimited") == 0
		? BYTES_UNLIMITED
		: strtoull(hard ? hard_text : soft_text, NULL, 10);
}

static int status_facts(pid_t pid, struct diagnose_facts *f) {
	char text[FILE_MAX] = "";
	ssize_t n = read_of(pid, "status", text);
	const char *capabilities;
	uint64_t seccomp = 0;

	if (n <= 0)
		return n == -EACCES ? -EACCES : -ESRCH;
	(void)proc_field(text, "VmSize", &f->size_bytes);
	(void)proc_field(text, "VmLck", &f->locked_bytes);
	(void)proc_field(text, "VmData", &f->data_bytes);
	(void)proc_field(text, "Seccomp", &seccomp);
	f->seccomp = (int)seccomp;
	capabilities = proc_line(text, "CapEff");
	if (capabilities)
		f->cap_ipc_lock = (strtoull(capabilities, NULL, 16) &
					  CAPABILITY_BIT(CAP_IPC_LOCK)) != 0;
	return 0;
}

static void machine_facts(struct diagnose_facts *f) {
	char text[FILE_MAX] = "";

	if (proc_read("/proc/sys/vm/overcommit_memory", text, sizeof(text)) > 0)
		f->overcommit = atoi(text);
	if (proc_read("/proc/meminfo", text, sizeof(text)) <= 0)
		return;
	(void)proc_field(text, "MemAvailable", &f->available_bytes);
	(void)proc_field(text, "CommitLimit", &f->commit_limit);
	(void)proc_field(text, "Committed_AS", &f->committed);
}

/* The initial namespace maps all of 32 bits onto itself. */
static bool in_user_namespace(pid_t pid) {
	unsigned inside, outside, count;
	char text[FILE_MAX] = "";

	if (read_of(pid, "uid_map", text) <= 0 ||
		sscanf(text, "%u %u %u", &inside, &outside, &count) != 3)
		return false;
	return inside != 0 || outside != 0 || count != UINT32_MAX;
}

int lock_facts_read(pid_t pid, struct lock_facts *ret) {
	char file[64];
	int r;

	diagnose_facts_init(&ret->d);
	r = status_facts(pid, &ret->d);
	if (r < 0)
		return r;
	ret->d.memlock_soft = lock_facts_limit(pid, "Max locked memory", false);
	ret->d.memlock_hard = lock_facts_limit(pid, "Max locked memory", true);
	ret->d.address_space_soft = lock_facts_limit(pid, "Max address space", false);
	ret->d.data_soft = lock_facts_limit(pid, "Max data size", false);
	ret->d.user_namespace = in_user_namespace(pid);
	machine_facts(&ret->d);
	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	cgroup_room(file, &ret->d, ret->cgroup_path, sizeof(ret->cgroup_path));
	return 0;
}
