/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tracer knows of the program: /proc/PID, its limits, the machine. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "common/units.h"
#include "exec/trace.h"

#define PROC_FILE_MAX (1u << 20)

uint64_t trace_now_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static char *read_proc(pid_t pid, const char *name) {
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return read_file(path, PROC_FILE_MAX, &text, NULL) < 0 ? NULL : text;
}

/* The number behind "\nKEY:"; kB is multiplied out. 0 = not there. */
static uint64_t number(const char *text, const char *key, int base) {
	const char *at = strstr(text, key);
	uint64_t n;
	char *end;

	if (!at)
		return 0;
	n = strtoull(at + strlen(key), &end, base);
	return strncmp(end, " kB", 3) == 0 ? n << 10 : n;
}

int trace_status_read(pid_t pid, struct trace_status *ret) {
	_cleanup_free_ char *text = read_proc(pid, "status");

	*ret = (struct trace_status){ 0 };
	if (!text)
		return -ESRCH;
	*ret = (struct trace_status){
		.size_bytes = number(text, "\nVmSize:", 10),
		.locked_bytes = number(text, "\nVmLck:", 10),
		.data_bytes = number(text, "\nVmData:", 10),
		.hugetlb_bytes = number(text, "\nHugetlbPages:", 10),
		.n_threads = number(text, "\nThreads:", 10),
		.thp_enabled = number(text, "\nTHP_enabled:", 10),
		.seccomp = number(text, "\nSeccomp:", 10),
		.seccomp_filters = number(text, "\nSeccomp_filters:", 10),
		.capabilities = number(text, "\nCapEff:", 16),
		.signals_pending = (number(text, "\nSigPnd:", 16) | number(text, "\nShdPnd:", 16)) &
			~number(text, "\nSigBlk:", 16),
	};
	return 0;
}

uint64_t trace_minor_faults(pid_t pid) {
	_cleanup_free_ char *text = read_proc(pid, "stat");
	const char *at = text ? strrchr(text, ')') : NULL;
	uint64_t faults = 0;

	/* behind the name: state, ppid, pgrp, session, tty, tpgid, flags, minflt */
	if (at)
		(void)sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %" SCNu64, &faults);
	return faults;
}

bool trace_mapping(pid_t pid, const char *name, uint64_t *ret_start, uint64_t *ret_end) {
	_cleanup_free_ char *text = read_proc(pid, "maps");
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		size_t len = strlen(line), n = strlen(name);

		if (len > n && strcmp(line + len - n, name) == 0)
			return sscanf(line, "%" SCNx64 "-%" SCNx64, ret_start, ret_end) == 2;
	}
	return false;
}

/* From /proc: prlimit(2) of another user's process takes CAP_SYS_RESOURCE, reading takes nothing. */
uint64_t trace_limit(pid_t pid, const char *name, bool hard) {
	_cleanup_free_ char *text = read_proc(pid, "limits");
	const char *at = text ? strstr(text, name) : NULL;
	char soft_text[32], hard_text[32];

	if (!at || sscanf(at + strlen(name), " %31s %31s", soft_text, hard_text) != 2)
		return BYTES_UNLIMITED;
	return strcmp(hard ? hard_text : soft_text, "unlimited") == 0
		? BYTES_UNLIMITED
		: strtoull(hard ? hard_text : soft_text, NULL, 10);
}

static void machine_facts(struct diagnose_facts *f) {
	_cleanup_free_ char *text = NULL;
	char mode[16];

	if (read_line_file("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)) == 0)
		f->overcommit = atoi(mode);
	if (read_file("/proc/meminfo", PROC_FILE_MAX, &text, NULL) < 0)
		return;
	f->available_bytes = number(text, "\nMemAvailable:", 10);
	f->commit_limit = number(text, "\nCommitLimit:", 10);
	f->committed = number(text, "\nCommitted_AS:", 10);
}

/* The initial namespace maps all of 32 bits onto itself. */
static bool in_user_namespace(pid_t pid) {
	_cleanup_free_ char *text = read_proc(pid, "uid_map");
	unsigned inside, outside, count;

	if (!text || sscanf(text, "%u %u %u", &inside, &outside, &count) != 3)
		return false;
	return inside != 0 || outside != 0 || count != UINT32_MAX;
}

void trace_facts(pid_t pid, struct diagnose_facts *ret) {
	struct trace_status s;

	diagnose_facts_init(ret);
	(void)trace_status_read(pid, &s);
	ret->size_bytes = s.size_bytes;
	ret->locked_bytes = s.locked_bytes;
	ret->data_bytes = s.data_bytes;
	ret->cap_ipc_lock = s.capabilities >> CAP_IPC_LOCK & 1;
	ret->seccomp = (int)s.seccomp;
	ret->memlock_soft = trace_limit(pid, "Max locked memory", false);
	ret->memlock_hard = trace_limit(pid, "Max locked memory", true);
	ret->address_space_soft = trace_limit(pid, "Max address space", false);
	ret->data_soft = trace_limit(pid, "Max data size", false);
	ret->user_namespace = in_user_namespace(pid);
	machine_facts(ret);
}
