/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The constructor is a list of steps. In a strict order the first one that fails ends the process, with
 * the cause on stderr and in the report: the program must not run in the belief of being safe. In any
 * other order the rest is still done, and the report says what is missing.
 *
 * The library is there for programs that aren't ours: it keeps errno, leaves the environment of
 * children as it would have been, and does nothing at all when there's no order for it.
 */
#include "libinit/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/names.h"

#define LINE_MAX_BYTES (REPORT_TEXT_MAX + 512)

typedef int (*init_step)(struct init *i);

static const init_step steps[] = {
	dumpable_set,
	thread_stack_set,
	main_stack_grow,
	lock_memory,
	heap_prepare,
	arenas_prepare,
	lock_future,
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

/* The descriptor of an order set by hand may be anything: only a socket like ours is touched. */
static void check_report_fd(struct init_order *o) {
	int type = 0;
	socklen_t len = sizeof(type);

	if (o->report_fd < 0)
		return;
	if (getsockopt(o->report_fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
		type != SOCK_SEQPACKET)
		o->report_fd = -1;
	else
		(void)fcntl(o->report_fd, F_SETFD, FD_CLOEXEC);
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

static void conclude(struct init *i) {
	bool balanced = i->order.lock == INIT_LOCK_BALANCED;
	int r = balanced ? agent_start(i) : 0;
	bool partial;

	if (r < 0)
		(void)init_problem(i, "agent", r, "no thread to lock with once ready: %s",
			strerrordesc_np(-r));
	partial = i->report.step[0];
	if (partial && i->order.report_fd < 0)
		init_say(i, " is not fully protected", i->report.step, i->report.text);
	report_finish(i, partial ? REPORT_INIT_PARTIAL : REPORT_INIT);
	if (!balanced || r < 0)
		i->order.report_fd = close_fd(i->order.report_fd);
}

__attribute__((constructor)) static void rtmem_init(int argc, char **argv, char **envp) {
	struct init *i = &the_init;
	int saved_errno = errno;
	uint64_t arena_max = environment_tunable(envp, "glibc.malloc.arena_max");
	const char *text = environment_take(envp);

	if (!text)
		return;
	i->arena_max = arena_max;
	i->program = argc > 0 && argv[0] ? argv[0] : "program";
	if (init_order_parse(text, &i->order) < 0) {
		init_say(i, "", RTMEM_ENV_INIT, "not an order for this library: nothing is locked");
		return;
	}
	check_report_fd(&i->order);
	i->started_usec = now_usec();
	report_init(&i->report, REPORT_INIT);
	i->report.init_lock = i->order.lock;
	prepare(i);
	conclude(i);
	errno = saved_errno;
}
