/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process with MIB of its own memory makes a child, one way or another, and then writes all of it again:
 * `forker HOW MIB [ADVICE]`. The child looks at the memory, allocates and writes itself. Prints what it
 * cost the parent and whether the child was well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pty.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

extern char **environ;
pid_t _Fork(void);

static unsigned char *block;
static size_t block_bytes;

static void fill(unsigned char with) {
	for (size_t at = 0; at < block_bytes; at += 4096)
		((volatile unsigned char *)block)[at] = with;
}

static size_t count(unsigned char wanted) {
	size_t n = 0;

	for (size_t at = 0; at < block_bytes; at += 4096)
		n += ((volatile unsigned char *)block)[at] == wanted;
	return n;
}

static long locked_kb(void) {
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* 0: as it should be; 2: not what the parent had; 3: no memory */
static void be_child(void) {
	char *own;
	int status = count(1) == block_bytes / 4096 ? 0 : count(0) == block_bytes / 4096 ? 2 : 4;

	fill(9);
	own = malloc(3u << 20);
	if (!own)
		_exit(3);
	memset(own, 1, 3u << 20);
	printf("child_locked=%ld\n", locked_kb());
	fflush(stdout);
	free(own);
	_exit(status);
}

static pid_t by_fork(void) {
	return fork();
}

static pid_t by_raw_fork(void) {
	return _Fork();
}

static pid_t by_pty(void) {
	int primary;

	return forkpty(&primary, NULL, NULL, NULL);
}

/* The C library's own, past everybody who stands in for it. */
static pid_t by_inner_fork(void) {
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	pid_t (*inner)(void) = libc ? (pid_t(*)(void))dlsym(libc, "fork") : NULL;

	return inner ? inner() : -1;
}

static pid_t by_vfork(void) {
	pid_t pid = vfork(); /* NOLINT: that's the question */

	if (pid == 0)
		_exit(0);
	return pid;
}

static pid_t by_spawn(void) {
	char name[] = "true", *const argv[] = { name, NULL };
	pid_t pid;

	errno = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);
	return errno ? -1 : pid;
}

static pid_t by_system(void) {
	int status = system("exit 0");

	if (status == 0) {
		FILE *f = popen("true", "re");

		status = f ? pclose(f) : -1;
	}
	printf("child=%d\n", status);
	return 0;
}

static pid_t by_daemon(void) {
	if (daemon(1, 1) < 0)
		return -1;
	_exit(0);
}

static const struct {
	const char *name;
	pid_t (*call)(void);
} how[] = {
	{ "fork", by_fork },
	{ "_Fork", by_raw_fork },
	{ "forkpty", by_pty },
	{ "inner", by_inner_fork },
	{ "vfork", by_vfork },
	{ "spawn", by_spawn },
	{ "system", by_system },
	{ "daemon", by_daemon },
};

static const struct {
	const char *name;
	int advice;
} advices[] = {
	{ "dontfork", MADV_DONTFORK },
	{ "wipeonfork", MADV_WIPEONFORK },
};

static uint64_t now_usec(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* "heap": what malloc gave lies in it, as does everything else that malloc gives. */
static void prepare(int argc, char *argv[]) {
	block_bytes = (size_t)atoi(argv[2]) << 20;
	if (argc > 3 && strcmp(argv[3], "heap") == 0) {
		char *start = malloc(block_bytes);
		size_t page = 4096, len = (size_t)((char *)sbrk(0) - start);

		start -= (uintptr_t)start % page;
		block = (unsigned char *)start;
		block_bytes -= page;
		if (madvise(start, len - len % page, MADV_DONTFORK) < 0)
			exit(6);
	} else {
		block = mmap(NULL, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
		for (size_t a = 0; argc > 3 && a < sizeof(advices) / sizeof(*advices); a++)
			if (strcmp(argv[3], advices[a].name) == 0 &&
				madvise(block, block_bytes, advices[a].advice) < 0)
				exit(6);
	}
	fill(1);
}

static void measure(pid_t (*call)(void), int fd) {
	uint64_t usec = now_usec(), faults;
	int status = 0;
	pid_t pid;

	errno = 0;
	pid = call();
	if (pid == 0 && call != by_system)
		be_child();
	usec = now_usec() - usec;
	printf("errno=%d\nusec=%llu\n", pid < 0 ? errno : 0, (unsigned long long)usec);
	faults = faults_read(fd);
	fill(2);
	printf("faults=%llu\n", (unsigned long long)(faults_read(fd) - faults));
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		printf("child=%d\n",
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	printf("lost=%zu\n", block_bytes / 4096 - count(2));
}

int main(int argc, char *argv[]) {
	int fd;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 4096);
	fd = faults_open_self();
	prepare(argc, argv);
	for (size_t h = 0; h < sizeof(how) / sizeof(*how); h++)
		if (strcmp(argv[1], how[h].name) == 0) {
			measure(how[h].call, fd);
			return 0;
		}
	return 2;
}
