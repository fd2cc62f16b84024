/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A control loop that maps memory in each cycle of its section, and so faults unless that is prefaulted. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "librtmem/rtmem.h"

#define BYTES ((size_t)64 << 10)

static void cycle(bool careful) {
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	(void)madvise(p, BYTES, MADV_NOHUGEPAGE);
	if (careful)
		(void)rtmem_prefault(p, BYTES);
	{
		RTMEM_SECTION("careless loop");
		memset(p, 1, BYTES);
	}
	(void)munmap(p, BYTES);
}

static void *loop(void *userdata) {
	const struct timespec pause = { .tv_nsec = 20000000 };

	for (;;) {
		cycle(userdata != NULL);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return NULL;
}

/* careless [careful] */
int main(int argc, char *argv[]) {
	struct rtmem_thread_attributes a = RTMEM_THREAD_ATTRIBUTES;
	struct rtmem_thread *t;

	a.name = "control";
	if (rtmem_settle(50000, 5000000) < 0 || rtmem_ready("on its way") < 0 ||
		rtmem_thread_create(&t, &a, loop, argc > 1 ? argv[1] : NULL) < 0)
		return EXIT_FAILURE;
	return rtmem_thread_join(t, NULL);
}
