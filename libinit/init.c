/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The constructor is a list of steps. In a strict order the first one that fails ends the process, with
 * the cause on stderr and in the report: the program must not run in the belief of being safe. In any
 * other order the rest is still done, and the report says what is missing.
 *
 * The library is there for programs that aren't ours: it keeps errno, leaves the environment of
 * children as it would have been, and does nothing at all when there's no order for it.
 */
#include "libinit/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"

#define LINE_MAX_BYTES (REPORT_TEXT_MAX + 512)
#define REPORT_FD_MIN  200 /* the socket's number for as long as the program lives */

typedef int (*init_step)(struct init *i);

static const init_step steps[] = {
	dumpable_set,
	thread_stack_set,
	main_stack_grow,
	lock_memory,
	heap_prepare,
	arenas_prepare,
	lock_future,
	agent_start,
	stacks_reserve,
	vdso_touch,
	lock_verify,
};

static struct init the_init;

uint64_t now_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void init_say(const struct init *i, const char *what, const char *step, const char *text) {
	char line[LINE_MAX_BYTES];
	int n = snprintf(
		line, sizeof(line), "rtmem: %.200s%s: %s: %s\n", i->program, what, step, text);

	if (n > 0 &&
		write(STDERR_FILENO, line,
			(size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
		return; /* no stderr: the report has it */
}

void init_note(struct init *i, const char *step, const char *text) {
	struct report r;

	report_init(&r, REPORT_EXEC_NOTE);
	(void)snprintf(r.step, sizeof(r.step), "%s", step);
	(void)snprintf(r.text, sizeof(r.text), "%s", text);
	if (i->order.report_fd < 0 || report_send(i->order.report_fd, &r) < 0)
		init_say(i, ": note", step, text);
}

int init_problem(struct init *i, const char *step, int error, const char *format, ...) {
	va_list ap;

	if (error < 0)
		error = -error;
	if (i->report.step[0])
		return -error;
	snprintf(i->report.step, sizeof(i->report.step), "%s", step);
	i->report.error = error;
	va_start(ap, format);
	vsnprintf(i->report.text, sizeof(i->report.text), format, ap);
	va_end(ap);
	return -error;
}

int init_problem_diagnosed(struct init *i, const char *step, int error, uint64_t needed_bytes) {
	char path[512], why[REPORT_TEXT_MAX - 64];
	struct diagnose_facts facts;

	proc_facts(&facts, path, sizeof(path));
	facts.error = error < 0 ? -error : error;
	facts.needed_bytes = needed_bytes;
	facts.populates_only = i->order.lock == INIT_LOCK_NONE;
	diagnose(&facts, why, sizeof(why));
	return init_problem(i, step, error, "%s: %s", strerrordesc_np(facts.error), why);
}

int dumpable_set(struct init *i) {
	if (!i->order.non_dumpable || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
		return 0;
	return init_problem(i, "dumpable", errno, "%s", strerrordesc_np(errno));
}

bool report_fd_is_ours(const struct init *i) {
	struct stat st;

	return i->order.report_fd >= 0 && fstat(i->order.report_fd, &st) == 0 &&
		S_ISSOCK(st.st_mode) && st.st_ino == i->report_inode;
}

/* The descriptor of an order set by hand may be anything: only a socket like ours is touched. It gets a
 * number that programs don't choose by themselves, because it stays open. */
static void take_report_fd(struct init *i) {
	int type = 0, fd = i->order.report_fd, moved;
	socklen_t len = sizeof(type);
	struct stat st;

	i->order.report_fd = -1;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
		type != SOCK_SEQPACKET || fstat(fd, &st) < 0)
		return;
	i->report_inode = st.st_ino;
	i->order.report_fd = fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, REPORT_FD_MIN);
	if (moved < 0) { /* the limit of open files is lower */
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		return;
	}
	(void)close(fd);
	i->order.report_fd = moved;
}

static void report_finish(struct init *i, enum report_kind kind) {
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int thp_disabled = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);

	i->report.kind = (uint16_t)kind;
	i->report.dumpable = dumpable > 0 ? (uint32_t)dumpable : 0;
	i->report.thp_disabled = thp_disabled > 0 ? (uint32_t)thp_disabled : 0;
	i->report.init_usec = now_usec() - i->started_usec;
	(void)report_send(i->order.report_fd, &i->report);
}

static void fail_closed(struct init *i) {
	init_say(i, " not started", i->report.step, i->report.text);
	report_finish(i, REPORT_INIT_FAILED);
	_exit(EXIT_LAUNCH_FAILED);
}

static void prepare(struct init *i) {
	for (size_t n = 0; n < ARRAY_LEN(steps); n++)
		if (steps[n](i) < 0 && i->order.lock == INIT_LOCK_STRICT)
			fail_closed(i);
}

/* The socket stays open where there's something left to say or to hear. */
static bool has_more_to_say(const struct init *i) {
	return i->order.lock != INIT_LOCK_NONE || i->order.non_dumpable || i->order.seal;
}

static void conclude(struct init *i) {
	bool partial = i->report.step[0];

	fork_watch();
	advice_prepare();
	guard_begin(i);
	if (partial && i->order.report_fd < 0)
		init_say(i, " is not fully protected", i->report.step, i->report.text);
	report_finish(i, partial ? REPORT_INIT_PARTIAL : REPORT_INIT);
	if (!has_more_to_say(i))
		i->order.report_fd = close_fd(i->order.report_fd);
}

static int take_order(struct init *i, char **envp) {
	const char *text = environment_order(envp);
	int r;

	if (!text)
		return -ENOENT;
	free(malloc(1)); /* a preloaded allocator reads the environment at its first call */
	i->arena_max = environment_tunable(envp, "glibc.malloc.arena_max");
	i->tcmalloc_keeps = environment_says(envp, "TCMALLOC_RELEASE_RATE", "0");
	r = init_order_parse(text, &i->order);
	if (r == 0 && i->order.children)
		environment_pass_on(envp, &i->order);
	else
		environment_take(envp);
	if (r < 0)
		init_say(i, "", RTMEM_ENV_INIT, "not an order for this library: nothing is locked");
	return r;
}

__attribute__((constructor)) static void rtmem_init(int argc, char **argv, char **envp) {
	struct init *i = &the_init;
	int saved_errno = errno;

	i->program = argc > 0 && argv[0] ? argv[0] : "program";
	if (take_order(i, envp) < 0)
		return;
	i->pid = getpid();
	i->started_usec = now_usec();
	next_resolve();
	take_report_fd(i);
	report_init(&i->report, REPORT_INIT);
	i->report.init_lock = i->order.lock;
	prepare(i);
	conclude(i);
	errno = saved_errno;
}
