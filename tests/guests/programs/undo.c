/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Undoes what it was prepared with: `undo CALL [TIMES]`. Prints what the call returned. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int lower(int resource) {
	struct rlimit limit;

	getrlimit((__rlimit_resource_t)resource, &limit);
	limit.rlim_cur = 4096;
	return setrlimit((__rlimit_resource_t)resource, &limit);
}

static int mlockall_current(void) {
	return mlockall(MCL_CURRENT);
}

static int mlockall_all(void) {
	return mlockall(MCL_CURRENT | MCL_FUTURE);
}

static int mlockall_onfault(void) {
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static int unlock_all(void) {
	return munlockall();
}

static int unlock_some(void) {
	static char page[8192];

	return munlock(page + 4096 - (size_t)page % 4096, 4096);
}

static int trim(void) {
	return malloc_trim(0) ? 0 : 1;
}

static int dumpable(void) {
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int thp(void) {
	return prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

static int harmless(void) {
	return prctl(PR_SET_NAME, "harmless", 0, 0, 0);
}

static int memlock(void) {
	return lower(RLIMIT_MEMLOCK);
}

static int memlock_by_prlimit(void) {
	struct rlimit limit = { 4096, 8192 };

	return prlimit(getpid(), RLIMIT_MEMLOCK, &limit, &limit);
}

static int core(void) {
	const struct rlimit none = { 0, 4096 }, some = { 4096, 4096 };

	return setrlimit(RLIMIT_CORE, &none) < 0 ? -1 : setrlimit(RLIMIT_CORE, &some);
}

static int nofile(void) {
	return lower(RLIMIT_NOFILE);
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
	{ "mlockall-current", mlockall_current },
	{ "mlockall-all", mlockall_all },
	{ "mlockall-onfault", mlockall_onfault },
	{ "munlockall", unlock_all },
	{ "munlock", unlock_some },
	{ "malloc_trim", trim },
	{ "dumpable", dumpable },
	{ "thp", thp },
	{ "harmless", harmless },
	{ "memlock", memlock },
	{ "memlock-prlimit", memlock_by_prlimit },
	{ "core", core },
	{ "nofile", nofile },
};

int main(int argc, char *argv[]) {
	int times = argc > 2 ? atoi(argv[2]) : 1;

	for (size_t c = 0; argc > 1 && c < sizeof(calls) / sizeof(*calls); c++)
		for (int t = 0; t < times && strcmp(argv[1], calls[c].name) == 0; t++)
			printf("result=%d\n", calls[c].call());
	return 0;
}
