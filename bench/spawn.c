/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The least that starting many programs can cost: a loop of posix_spawn() that waits, each time, until the
 * child has become the program. Prints the seconds, then keeps the programs until its input ends.
 * usage: bench-spawn N PROGRAM [ARG...]
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double seconds(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Its end of the pipe is closed by execve(). */
static void wait_for_exec(int ends[static 2]) {
	char byte;

	close(ends[1]);
	(void)!read(ends[0], &byte, 1);
	close(ends[0]);
}

static pid_t start(char *argv[]) {
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 ||
		posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return -1;
	wait_for_exec(ends);
	return pid;
}

static void end(const pid_t *pids, int n) {
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

int main(int argc, char *argv[]) {
	int n = argc > 2 ? atoi(argv[1]) : 0, started = 0;
	pid_t *pids = calloc((size_t)n + 1, sizeof(*pids));
	double begin = seconds();

	if (!pids || n <= 0)
		return 2;
	while (started < n && (pids[started] = start(&argv[2])) > 0)
		started++;
	printf("%.4f\n", seconds() - begin);
	fflush(stdout);
	if (started == n)
		(void)getchar();
	end(pids, started);
	free(pids);
	return started == n ? 0 : 1;
}
