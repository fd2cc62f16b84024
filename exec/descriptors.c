/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the launcher left open is nobody's business behind it. */
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/launch.h"

static void close_range_of(unsigned first, unsigned last) {
	if (first > last || syscall(SYS_close_range, first, last, 0u) == 0)
		return;
	/* kernel before 5.9, or a filter that doesn't know the call */
	for (unsigned fd = first; fd <= last && fd < (unsigned)sysconf(_SC_OPEN_MAX); fd++)
		(void)close((int)fd);
}

static int higher(const void *a, const void *b) {
	return *(const int *)a - *(const int *)b;
}

void close_all_but(int *kept, size_t n) {
	unsigned from = STDERR_FILENO + 1;

	qsort(kept, n, sizeof(*kept), higher);
	for (size_t i = 0; i < n; i++) {
		if (kept[i] < (int)from)
			continue;
		close_range_of(from, (unsigned)kept[i] - 1);
		from = (unsigned)kept[i] + 1;
	}
	close_range_of(from, ~0u);
}
