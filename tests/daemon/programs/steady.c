/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that works for ever in the memory that it has: built static, for musl, with a sanitizer, and
 * given rights by its file, it's what the tests of injection launch. steady once: ends at once. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORK_BYTES (1u << 20)

int main(int argc, char *argv[]) {
	const struct timespec pause = { .tv_nsec = 5000000 };
	char *work = malloc(WORK_BYTES);

	if (!work)
		return 1;
	memset(work, 1, WORK_BYTES);
	if (argc > 1 && strcmp(argv[1], "once") == 0) {
		free(work);
		return geteuid() == getuid() ? 0 : 3;
	}
	for (;;) {
		for (size_t i = 0; i < WORK_BYTES; i += 512)
			work[i]++;
		(void)nanosleep(&pause, NULL);
	}
}
