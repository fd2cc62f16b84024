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
