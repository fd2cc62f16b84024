/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library whose constructor waits for a thread that gives memory back and ends the lock: `advice`. */
#include <pthread.h>
#include <sys/mman.h>

#define PAGE 4096ul

void *give_back(void *userdata);

void *give_back(void *userdata) {
	(void)madvise(userdata, PAGE, MADV_DONTNEED);
	(void)munlockall();
	return NULL;
}

__attribute__((constructor)) static void begin(void) {
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (p != MAP_FAILED && pthread_create(&thread, NULL, give_back, p) == 0)
		(void)pthread_join(thread, NULL);
}
