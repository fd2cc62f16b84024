/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What does a launch through rtmem-exec and libinit cost over a plain posix_spawn and exec of the same
 * program? From spawn to exit, the variants take turns.
 *
 * usage: bench-launch RTMEM-EXEC EMPTY-LIBRARY LIBINIT ROUNDS
 * The library alone, without rtmem-exec, is measured as somebody would preload it by hand.
 * Prints `VARIANT USEC OVER`: the median time, and the median over the rounds of what it took more than
 * the plain one of the same round, which noise of the machine changes less.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "bench/measure.h"
#include "common/cleanup.h"
#include "common/names.h"
#include "common/units.h"

#define ROUNDS_MAX 4096
#define PROGRAM	   "/bin/true"

#define POLICY(memory) \
	"version: 1\nprocesses:\n  bench:\n    command: [" PROGRAM "]\n    memory: " memory "\n"

static const char *helper;
static char preload_empty[PATH_MAX + 16], preload_init[PATH_MAX + 16];
static char order[INIT_ORDER_TEXT_MAX + 16];

struct variant {
	const char *name;
	const char *policy; /* NULL: plain posix_spawn */
	char *environment[3];
	int plan_fd;
};

static struct variant variants[] = {
	{ .name = "plain" },
	{ .name = "plain-empty-preload", .environment = { preload_empty } },
	{ .name = "library-without-order", .environment = { preload_init } },
	{ .name = "library-mlockall", .environment = { preload_init, order } },
	{ .name = "rtmem-no-lock", .policy = POLICY("{ lock: none, stack: { main: 0 } }") },
	{ .name = "rtmem-strict", .policy = POLICY("{ lock: strict, stack: { main: 0 } }") },
	{ .name = "rtmem-strict-1M-stack", .policy = POLICY("{ lock: strict }") },
	{ .name = "rtmem-strict-64M-heap",
		.policy = POLICY("{ lock: strict, heap: { prealloc: 64M }, stack: { main: 0 } }") },
};

static int run_plain(struct variant *v) {
	char name[] = PROGRAM;
	char *arguments[] = { name, NULL };
	pid_t pid;
	int status;

	int r = posix_spawn(&pid, PROGRAM, NULL, NULL, arguments, v->environment);
	if (r)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int run_variant(struct variant *v) {
	struct report report;

	return v->policy ? launch_and_wait(helper, v->plan_fd, &report) : run_plain(v);
}

static int measure(size_t rounds, double (*usec)[ROUNDS_MAX]) {
	for (size_t round = 0; round < rounds + 3; round++) { /* the first three aren't counted */
		/* nor is this one: the last variant of a round leaves the caches to nobody's benefit */
		(void)run_variant(&variants[0]);
		for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
			uint64_t start = now_nsec();
			int r = run_variant(&variants[i]);
			if (r < 0)
				return r;
			if (round >= 3)
				usec[i][round - 3] = (double)(now_nsec() - start) / 1e3;
		}
	}
	return 0;
}

static int prepare(char **argv) {
	const struct init_order lock = { .lock = INIT_LOCK_STRICT, .report_fd = -1 };
	char text[INIT_ORDER_TEXT_MAX];

	helper = argv[1];
	(void)snprintf(preload_empty, sizeof(preload_empty), "LD_PRELOAD=%s", argv[2]);
	(void)snprintf(preload_init, sizeof(preload_init), "LD_PRELOAD=%s", argv[3]);
	int r = init_order_format(&lock, text, sizeof(text));
	if (r < 0)
		return r;
	(void)snprintf(order, sizeof(order), RTMEM_ENV_INIT "=%s", text);
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		struct variant *v = &variants[i];

		v->plan_fd = v->policy ? plan_from_policy(v->policy, "bench") : -1;
		if (v->policy && v->plan_fd < 0)
			return v->plan_fd;
	}
	return 0;
}

static void print_variant(const char *name, double *usec, const double *plain, size_t rounds) {
	static double over[ROUNDS_MAX];

	for (size_t i = 0; i < rounds; i++)
		over[i] = usec[i] - plain[i];
	double median_over = median(over, rounds);
	printf("%s %.1f %.1f\n", name, median(usec, rounds), median_over);
}

int main(int argc, char **argv) {
	static double usec[ARRAY_LEN(variants)][ROUNDS_MAX];
	uint64_t rounds;

	if (argc != 5 || parse_u64(argv[4], &rounds) < 0 || rounds < 1 || rounds > ROUNDS_MAX - 3) {
		fprintf(stderr, "usage: bench-launch RTMEM-EXEC EMPTY-LIBRARY LIBINIT ROUNDS\n");
		return EXIT_FAILURE;
	}
	int r = prepare(argv);
	if (r < 0)
		return EXIT_FAILURE;
	r = measure(rounds, usec);
	if (r < 0) {
		fprintf(stderr, "launch: a launch failed: error %d\n", -r);
		return EXIT_FAILURE;
	}
	for (size_t i = ARRAY_LEN(variants); i-- > 0;) /* the plain one, which is sorted, last */
		print_variant(variants[i].name, usec[i], usec[0], (size_t)rounds);
	return EXIT_SUCCESS;
}
