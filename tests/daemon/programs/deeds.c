/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of what undoes a lock later, each by the real call. A name that begins with "raw-" goes past
 * the C library, and with it past a library of ours that listens there.
 */
#include "deeds.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB 1024u

extern char **environ;

static void *map(size_t size) {
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void map_some(const char *kib) {
	size_t size = strtoul(kib, NULL, 10) * KIB;

	if (size > 0)
		(void)map(size);
}

static void deed_munlock(const char *kib) {
	static char buffer[1u << 20];
	size_t size = strtoul(kib, NULL, 10) * KIB;

	if (munlock(buffer, size < sizeof(buffer) ? size : sizeof(buffer)) < 0)
		die("munlock");
}

static void deed_raw_munlockall(const char *unused) {
	if (syscall(SYS_munlockall) < 0)
		die("munlockall");
}

/* Takes MCL_FUTURE away; what is mapped next shows it. */
static void deed_mlockall(const char *kib) {
	if (mlockall(MCL_CURRENT) < 0)
		die("mlockall");
	map_some(kib);
}

static void deed_raw_mlockall(const char *kib) {
	if (syscall(SYS_mlockall, MCL_CURRENT) < 0)
		die("mlockall");
	map_some(kib);
}

static void deed_trim(const char *unused) {
	(void)malloc_trim(0);
}

/* What malloc_trim() does in the end, and what any other allocator may do */
static void deed_sbrk(const char *kib) {
	if (sbrk(-(intptr_t)(strtoul(kib, NULL, 10) * KIB)) == (void *)-1)
		die("sbrk");
}

/* The kernel refuses it for locked memory, so programs unlock first. */
static void deed_dontneed(const char *kib) {
	size_t size = strtoul(kib, NULL, 10) * KIB;
	void *p = map(size);

	if (munlock(p, size) < 0 || madvise(p, size, MADV_DONTNEED) < 0)
		die("madvise");
}

static void deed_nofile(const char *value) {
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("getrlimit");
	limit.rlim_cur = strtoul(value, NULL, 10);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
}

static void deed_dumpable(const char *value) {
	if (prctl(PR_SET_DUMPABLE, strtoul(value, NULL, 10), 0, 0, 0) < 0)
		die("prctl");
}

static void deed_batch(const char *unused) {
	const struct sched_param param = { .sched_priority = 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &param) < 0)
		die("sched_setscheduler");
}

static void deed_exec(const char *path) {
	execl(path, path, "1000", (char *)NULL);
	die(path);
}

static void deed_fork(const char *unused) {
	pid_t pid = fork();

	if (pid < 0)
		perror("fork");
	if (pid == 0)
		_exit(0);
	if (pid > 0 && waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

/* The child stays until its parent is gone. */
static void deed_raw_fork(const char *unused) {
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid < 0)
		die("clone");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
}

static void deed_spawn(const char *path) {
	char *const argv[] = { (char *)path, (char *)"1000", NULL };
	pid_t pid;

	if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0)
		die("posix_spawn");
}

static void *wait_for_ever(void *unused) {
	for (;;)
		pause();
	return unused;
}

static void deed_thread(const char *name) {
	start(name, wait_for_ever);
}

__attribute__((noinline)) static void go_down(size_t bytes) {
	volatile char frame[4 * KIB];

	frame[0] = frame[sizeof(frame) - 1] = 1;
	if (bytes > sizeof(frame))
		go_down(bytes - sizeof(frame));
	frame[1] = 2; /* not a tail call */
}

static void *dive(void *kib) {
	go_down((size_t)kib * KIB);
	return wait_for_ever(NULL);
}

/* A thread that uses this much of its stack and then waits */
static void deed_diver(const char *kib) {
	pthread_t thread;

	if (pthread_create(&thread, NULL, dive, (void *)strtoul(kib, NULL, 10)) != 0 || /* NOLINT */
		pthread_setname_np(thread, "diver") != 0)
		die("diver");
}

/* What librtmem says of a section that faulted */
static void deed_section(const char *name) {
	char text[256];

	snprintf(text, sizeof(text),
		"X_RTMEM_SECTION=%s\nX_RTMEM_MINOR=3\nX_RTMEM_MAJOR=0\nX_RTMEM_TID=%ld", name,
		(long)syscall(SYS_gettid));
	say_to("RTMEM_SOCKET", text);
}

static void deed_forged_section(const char *name) {
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (pid == 0) {
		deed_section(name);
		_exit(0);
	}
}

static const struct {
	const char *word;
	void (*fn)(const char *rest);
} deeds[] = {
	{ "munlock", deed_munlock },
	{ "raw-munlockall", deed_raw_munlockall },
	{ "mlockall", deed_mlockall },
	{ "raw-mlockall", deed_raw_mlockall },
	{ "trim", deed_trim },
	{ "sbrk", deed_sbrk },
	{ "dontneed", deed_dontneed },
	{ "nofile", deed_nofile },
	{ "dumpable", deed_dumpable },
	{ "batch", deed_batch },
	{ "exec", deed_exec },
	{ "fork", deed_fork },
	{ "raw-fork", deed_raw_fork },
	{ "spawn", deed_spawn },
	{ "thread", deed_thread },
	{ "diver", deed_diver },
	{ "section", deed_section },
	{ "forged-section", deed_forged_section },
};

void do_deed(const char *word, const char *rest) {
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].word, word) == 0)
			deeds[i].fn(rest);
}
