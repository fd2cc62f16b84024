/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions behind the wrappers. Looked up once by the constructor; by the wrapper itself where a
 * library's own constructor calls it earlier. dlsym() allocates nothing where it finds what is asked.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "libinit/guard.h"

static const char *const names[NEXT_MAX] = {
	[NEXT_DAEMON] = "daemon",
	[NEXT_FORK] = "fork",
	[NEXT_FORKPTY] = "forkpty",
	[NEXT_FORK_RAW] = "_Fork",
	[NEXT_MADVISE] = "madvise",
	[NEXT_MALLOC_TRIM] = "malloc_trim",
	[NEXT_MLOCKALL] = "mlockall",
	[NEXT_MUNLOCK] = "munlock",
	[NEXT_MUNLOCKALL] = "munlockall",
	[NEXT_PRCTL] = "prctl",
	[NEXT_PRLIMIT] = "prlimit",
	[NEXT_PRLIMIT64] = "prlimit64",
	[NEXT_PTHREAD_CREATE] = "pthread_create",
	[NEXT_SETRLIMIT] = "setrlimit",
	[NEXT_SETRLIMIT64] = "setrlimit64",
	[NEXT_THRD_CREATE] = "thrd_create",
};

static _Atomic(void *) functions[NEXT_MAX];

void *next_function(enum next n) {
	void *function = atomic_load_explicit(&functions[n], memory_order_relaxed);
	int saved_errno = errno;

	if (function)
		return function;
	function = dlsym(RTLD_NEXT, names[n]);
	atomic_store_explicit(&functions[n], function, memory_order_relaxed);
	errno = function ? saved_errno : ENOSYS;
	return function;
}

void next_resolve(void) {
	for (unsigned n = 0; n < NEXT_MAX; n++)
		(void)next_function((enum next)n);
}
