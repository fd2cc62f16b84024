/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What memory.seal costs by call: without it, while calls are reported (to the process itself, and to another
 * one beside it), and under the filter that denies. Each way is a fresh process; the ways take turns.
 *
 * usage: bench-seal ROUNDS
 * Prints `WAY-CALL MEDIAN-NSEC BEST-NSEC`.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "daemon/watch/calls.h"

#define ROUNDS_MAX 100
#define CALLS	   5000

enum way {
	WAY_OFF,
	WAY_BESIDE, /* somebody else is counted */
	WAY_REPORT,
	WAY_DENY,
	WAY_MAX,
};
static const char *const way_names[WAY_MAX] = { "off", "beside", "report", "deny" };

/* ---- calls ------------------------------------------------------------------------------------- */

static void short_call(void) {
	(void)syscall(SYS_getppid);
}

static void clock_read(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
}

static void advice(void) {
	static char page[8192];

	(void)syscall(SYS_madvise, (uintptr_t)page & ~4095ul, 4096, MADV_WILLNEED);
}

/* Under the filter both are denied */
static void map_pair(void) {
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)munmap(p == MAP_FAILED ? (void *)&short_call : p, 4096);
}

static const struct call {
	const char *name;
	void (*fn)(void);
} calls[] = {
	{ "call", short_call },
	{ "clock", clock_read },
	{ "advice", advice },
	{ "map", map_pair },
};

static double measure_nsec(const struct call *c) {
	uint64_t start;

	for (int i = 0; i < CALLS / 10; i++)
		c->fn();
	start = now_nsec();
	for (int i = 0; i < CALLS; i++)
		c->fn();
	return (double)(now_nsec() - start) / CALLS;
}

/* ---- ways -------------------------------------------------------------------------------------- */

static void deny(void) {
	struct sock_filter code[SEAL_FILTER_MAX];
	struct sock_fprog program = { .filter = code };

	program.len = (unsigned short)seal_filter(code);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
			&program) < 0)
		_exit(1);
}

static void be_measured(enum way way, int go_fd, int result_fd) {
	double nsec[ARRAY_LEN(calls)];
	char go;

	if (read(go_fd, &go, 1) != 1)
		_exit(1);
	if (way == WAY_DENY)
		deny();
	for (size_t c = 0; c < ARRAY_LEN(calls); c++)
		nsec[c] = measure_nsec(&calls[c]);
	_exit(write(result_fd, nsec, sizeof(nsec)) != sizeof(nsec));
}

static pid_t make_idle(void) {
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static struct calls *count(struct tracing *t, pid_t pid) {
	struct calls *c = calls_attach(t, pid, false, true);

	if (!c || c->error < 0)
		return calls_free(c);
	calls_begin(c);
	return c;
}

static void ignore(const struct ring_record *record, void *userdata) {
	(void)record;
	(void)userdata;
}

/* False: this way isn't open here. */
static bool run(
	struct tracing *t, enum way way, pid_t beside, double ret_nsec[static ARRAY_LEN(calls)]) {
	int go[2], result[2];
	struct calls *counted = NULL;
	bool works = true;
	pid_t pid;

	if (pipe(go) < 0 || pipe(result) < 0)
		exit(EXIT_FAILURE);
	pid = fork();
	if (pid == 0)
		be_measured(way, go[0], result[1]);
	if (way == WAY_REPORT || way == WAY_BESIDE) {
		counted = count(t, way == WAY_REPORT ? pid : beside);
		works = counted != NULL;
	}
	if (works && write(go[1], "g", 1) != 1)
		works = false;
	(void)close(go[0]);
	(void)close(go[1]);
	(void)close(result[1]);
	works &= read(result[0], ret_nsec, ARRAY_LEN(calls) * sizeof(*ret_nsec)) ==
		(ssize_t)(ARRAY_LEN(calls) * sizeof(*ret_nsec));
	(void)close(result[0]);
	while (waitpid(pid, NULL, 0) < 0)
		;
	calls_free(counted);
	rings_drain(&t->rings, ignore, NULL);
	return works;
}

int main(int argc, char *argv[]) {
	static double nsec[WAY_MAX][ARRAY_LEN(calls)][ROUNDS_MAX];
	size_t rounds = argc > 1 ? (size_t)atoi(argv[1]) : 20;
	struct tracing tracing = { .tried = false };
	bool works[WAY_MAX];
	pid_t beside;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return EXIT_FAILURE;
	tracing_init(&tracing, NULL);
	beside = make_idle();
	for (size_t r = 0; r < rounds; r++)
		for (enum way way = 0; way < WAY_MAX; way++) {
			double found[ARRAY_LEN(calls)] = { 0 };

			works[way] = run(&tracing, way, beside, found);
			for (size_t c = 0; c < ARRAY_LEN(calls); c++)
				nsec[way][c][r] = found[c];
		}
	(void)kill(beside, SIGKILL);
	(void)waitpid(beside, NULL, 0);
	for (enum way way = 0; way < WAY_MAX; way++)
		for (size_t c = 0; c < ARRAY_LEN(calls); c++) {
			double middle = median(nsec[way][c], rounds);

			if (works[way])
				printf("%s-%s %.1f %.1f\n", way_names[way], calls[c].name, middle,
					nsec[way][c][0]);
			else
				printf("%s-%s - -\n", way_names[way], calls[c].name);
		}
	tracing_done(&tracing);
	return 0;
}
