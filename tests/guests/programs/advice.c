/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* madvise() as runtimes use it: `advice`. A line for each case: 1 where it did what it's for. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"

#define PAGE  4096ul
#define PAGES 64ul

static char *map(size_t pages, int flags) {
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		memset(p, 7, pages * PAGE);
	return p;
}

static int holds(const char *p, size_t pages, char wanted) {
	for (size_t at = 0; at < pages * PAGE; at++)
		if (p[at] != wanted)
			return 0;
	return 1;
}

static void say(const char *what, int good) {
	printf("%s=%d\n", what, good);
}

static void private_memory(int fd) {
	char *p = map(PAGES, MAP_PRIVATE);
	uint64_t faults;

	errno = 5;
	say("middle",
		madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0 && errno == 5 && holds(p, 1, 7) &&
			holds(p + PAGE, 2, 0) && holds(p + 3 * PAGE, PAGES - 3, 7));
	say("part_of_a_page",
		madvise(p + 8 * PAGE, 5, MADV_DONTNEED) == 0 && holds(p + 8 * PAGE, 1, 0) &&
			holds(p + 9 * PAGE, 1, 7));
	say("all", madvise(p, PAGES * PAGE, MADV_DONTNEED) == 0);
	faults = faults_read(fd);
	memset(p, 1, PAGES * PAGE);
	say("stays", faults_read(fd) == faults);
	say("free", madvise(p, PAGES * PAGE, MADV_FREE) == 0);
	say("nothing", madvise(p, 0, MADV_DONTNEED) == 0);
}

/* V8: away with it first, then give it back. */
static void without_access(int fd) {
	char *p = map(PAGES, MAP_PRIVATE);
	uint64_t faults;
	int good;

	mprotect(p, PAGES * PAGE, PROT_NONE);
	good = madvise(p, PAGES * PAGE, MADV_DONTNEED) == 0;
	mprotect(p, PAGES * PAGE, PROT_READ | PROT_WRITE);
	faults = faults_read(fd);
	good = good && holds(p, PAGES, 0);
	memset(p, 1, PAGES * PAGE);
	say("no_access", good);
	printf("no_access_faults=%llu\n", (unsigned long long)(faults_read(fd) - faults));
	mprotect(p, PAGES * PAGE, PROT_READ);
	say("read_only", madvise(p, PAGES * PAGE, MADV_DONTNEED) == 0 && holds(p, PAGES, 0));
}

static void several_mappings(void) {
	char *p = map(PAGES, MAP_PRIVATE);

	mprotect(p + 4 * PAGE, 4 * PAGE, PROT_READ);
	say("pieces",
		madvise(p, 12 * PAGE, MADV_DONTNEED) == 0 && holds(p, 12, 0) &&
			holds(p + 12 * PAGE, 4, 7));
	munmap(p + 20 * PAGE, PAGE);
	errno = 0;
	say("hole",
		madvise(p + 16 * PAGE, 8 * PAGE, MADV_DONTNEED) < 0 && errno == ENOMEM &&
			holds(p + 16 * PAGE, 4, 0) && holds(p + 21 * PAGE, 3, 0));
}

static void shared_memory(void) {
	char *p = map(PAGES, MAP_SHARED);

	say("shared", madvise(p, PAGES * PAGE, MADV_DONTNEED) == 0 && holds(p, PAGES, 7));
	errno = 0;
	say("shared_free", madvise(p, PAGES * PAGE, MADV_FREE) < 0 && errno == EINVAL);
}

static void file(const char *path) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), before[4];

	memcpy(before, p, 4);
	memset(p, 7, 4);
	say("file", madvise(p, PAGE, MADV_DONTNEED) == 0 && memcmp(p, before, 4) == 0);
}

static void mistakes(void) {
	char *p = map(2, MAP_PRIVATE);

	errno = 0;
	say("unaligned", madvise(p + 1, PAGE, MADV_DONTNEED) < 0 && errno == EINVAL);
	errno = 0;
	say("too_long", madvise(p, (size_t)-4096, MADV_DONTNEED) < 0 && errno != 0);
	errno = 0;
	say("unknown", madvise(p, PAGE, 9999) < 0 && errno == EINVAL);
	say("untouched", holds(p, 2, 7));
}

static void *give_back_cancelled(void *userdata) {
	(void)pthread_cancel(pthread_self());
	(void)madvise(userdata, PAGE, MADV_DONTNEED);
	return userdata; /* the next place to be cancelled never comes */
}

/* madvise() is no place where a thread is cancelled. */
static void cancelled(void) {
	char *p = map(1, MAP_PRIVATE);
	void *result = NULL;
	pthread_t thread;

	if (pthread_create(&thread, NULL, give_back_cancelled, p) == 0)
		(void)pthread_join(thread, &result);
	say("cancelled", result == p && holds(p, 1, 0));
}

/* An allocator gives memory back while another thread's dlopen() waits for it: here the loader's lock is
 * held by a constructor that waits for such a thread. */
static void loader(const char *program) {
	const char *slash = strrchr(program, '/');
	char path[4096];

	(void)snprintf(path, sizeof(path), "%.*sadvice-module.so",
		slash ? (int)(slash - program) + 1 : 0, program);
	(void)alarm(10); /* ends a deadlock */
	say("loader", dlopen(path, RTLD_NOW) != NULL);
	(void)alarm(0);
}

int main(int argc, char *argv[]) {
	int fd = faults_open();

	private_memory(fd);
	without_access(fd);
	several_mappings();
	shared_memory();
	file(argc > 0 ? argv[0] : "/bin/true");
	mistakes();
	cancelled();
	loader(argc > 0 ? argv[0] : "");
	return 0;
}
