/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trials beat tables: whether a lock, a counter or a real-time priority can be had is found out by a
 * child that asks the kernel for it, and ends. Of another process only /proc is read.
 */
#include "host/checkup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

/* ---- trials, each in the child ----------------------------------------------------------------- */

static int try_lock(void) {
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return errno;
	if (mmap(NULL, CHECKUP_TRIAL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) == MAP_FAILED)
		return errno;
	return 0;
}

static int try_realtime(void) {
	const struct sched_param lowest = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &lowest) < 0 ? errno : 0;
}

static int try_counter(void) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS_MIN,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0UL);

	return fd < 0 ? errno : 0;
}

/* An errno fits into an exit status; what isn't known counts as EIO. */
static int in_child(int (*trial)(void)) {
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(trial() & 0xff);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void read_own(struct checkup_facts *f) {
	f->tried = true;
	f->lock.d.error = in_child(try_lock);
	f->lock.d.needed_bytes = CHECKUP_TRIAL_BYTES + f->lock.d.size_bytes;
	f->realtime_error = in_child(try_realtime);
	f->perf_error = in_child(try_counter);
}

/* ---- another process --------------------------------------------------------------------------- */

static void read_prepared(pid_t pid, struct checkup_facts *f) {
	_cleanup_free_ char *maps = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (read_file(path, 64u << 20, &maps, NULL) < 0)
		return;
	f->prepared_known = true;
	f->prepared = strstr(maps, "/librtmem-init.so") != NULL;
}

static int read_process(pid_t pid, struct checkup_facts *f) {
	_cleanup_close_ int fd = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = process_memory_read(fd, &f->memory);
	if (r < 0)
		return r;
	(void)process_stat_read(pid, 0, &f->faults, NULL);
	read_prepared(pid, f);
	f->lock.d.needed_bytes = f->memory.size_bytes > f->memory.locked_bytes
		? f->memory.size_bytes - f->memory.locked_bytes
		: 0;
	return 0;
}

/* ---- the machine ------------------------------------------------------------------------------- */

static int read_int(const char *path, int missing) {
	char text[32];

	return read_line_file(path, text, sizeof(text)) < 0 ? missing : atoi(text);
}

/* The one in brackets of "always [madvise] never" */
static void read_hugepage(char *ret, size_t size) {
	char text[64], *begin, *end;

	ret[0] = '\0';
	if (read_line_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text)) < 0)
		return;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end)
		snprintf(ret, size, "%.*s", (int)(end - begin - 1), begin + 1);
}

static void read_machine(struct checkup_facts *f) {
	_cleanup_free_ char *swaps = NULL;

	f->perf_event_paranoid = read_int("/proc/sys/kernel/perf_event_paranoid", -1);
	f->locked_pages_move = read_int("/proc/sys/vm/compact_unevictable_allowed", -1);
	f->realtime_share_usec = read_int("/proc/sys/kernel/sched_rt_runtime_us", -1);
	if (read_file("/proc/swaps", 65536, &swaps, NULL) == 0)
		f->swap_on = strchr(swaps, '\n') && strchr(swaps, '\n')[1];
	read_hugepage(f->transparent_hugepage, sizeof(f->transparent_hugepage));
}

int checkup_read(pid_t pid, struct checkup_facts *ret) {
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	r = lock_facts_read(pid ? pid : getpid(), &ret->lock);
	if (r < 0)
		return r;
	read_machine(ret);
	if (pid)
		return read_process(pid, ret);
	read_own(ret);
	return 0;
}
