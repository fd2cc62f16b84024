/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cuts a process off at one of its system calls: every instant at which it can die is a number.
 *
 *   cut PID AT             the process that runs; says "attached" once it counts
 *   cut - AT COMMAND...    one that it starts, counted from its execve
 *
 * Counts system calls of all its threads, when they begin and when they end, and kills the process at the
 * AT-th; 0 = never. Its children aren't touched. Says how many there were when the process has ended, or
 * at SIGTERM, which lets it run on.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE)

static pid_t target;
static unsigned long at, n_calls;

static void seize(pid_t tid) {
	if (ptrace(PTRACE_SEIZE, tid, 0, OPTIONS) == 0)
		(void)ptrace(PTRACE_INTERRUPT, tid, 0, 0);
}

static void attach(void) {
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)target);
	tasks = opendir(path);
	if (!tasks) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			seize((pid_t)atoi(entry->d_name));
	closedir(tasks);
}

static void start(char *argv[]) {
	int pipe_fds[2];
	char byte;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (target = fork()) < 0) {
		perror("cut");
		exit(1);
	}
	if (target == 0) {
		if (read(pipe_fds[0], &byte, 1) == 1)
			execvp(argv[0], argv);
		_exit(127);
	}
	seize(target);
	(void)!write(pipe_fds[1], "", 1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* What the signal is that a stop is about, 0 = none for the process. */
static int signal_of(int status) {
	if (status >> 16 != 0 || WSTOPSIG(status) == (SIGTRAP | 0x80))
		return 0;
	return WSTOPSIG(status);
}

static void stopped(pid_t tid, int status) {
	if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++n_calls == at)
		(void)kill(target, SIGKILL);
	(void)ptrace(PTRACE_SYSCALL, tid, 0, (long)signal_of(status));
}

static void finish(int number) {
	char line[32];
	int n = snprintf(line, sizeof(line), "%lu\n", n_calls);

	(void)!write(STDOUT_FILENO, line, (size_t)n);
	_exit(0); /* those that were traced run on */
}

static void trace(void) {
	int status = 0;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (tid == target && !WIFSTOPPED(status))
			return;
		if (WIFSTOPPED(status))
			stopped(tid, status);
	}
}

int main(int argc, char *argv[]) {
	if (argc < 3)
		return 2;
	at = strtoul(argv[2], NULL, 10);
	(void)signal(SIGTERM, finish);
	if (strcmp(argv[1], "-") == 0)
		start(argv + 3);
	else {
		target = (pid_t)atoi(argv[1]);
		attach();
		puts("attached");
		fflush(stdout);
	}
	trace();
	finish(0);
	return 0;
}
