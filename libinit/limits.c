/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits that the program changes for itself after it has been prepared under others. Both names of each
 * call are stood in for: which one a program uses depends on how it was compiled.
 */
#undef _FILE_OFFSET_BITS /* both names are wanted, each with its own type */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libinit/guard.h"

/* A soft limit that was changed while an order is in force; NULL: nothing is lost. */
static const char *lost_by_limit(
	const struct init *i, int resource, uint64_t before, uint64_t after) {
	if (resource == RLIMIT_MEMLOCK && after < before && i->order.lock != INIT_LOCK_NONE)
		return "the memlock limit was lowered: without CAP_IPC_LOCK the next mapping, thread "
		       "or lock may fail";
	if (resource == RLIMIT_CORE && after > before && i->order.non_dumpable)
		return "the core limit was raised, though the policy says limits.core: 0";
	if (resource == RLIMIT_STACK && after < before && after < i->order.main_stack_bytes)
		return "the stack limit is below memory.stack.main now: a main stack that needs more "
		       "ends in SIGSEGV";
	return NULL;
}

static bool is_watched(int resource) {
	return resource == RLIMIT_MEMLOCK || resource == RLIMIT_CORE || resource == RLIMIT_STACK;
}

/* The limit before the call; false when nobody watches. */
static bool read_before(int resource, struct rlimit *ret) {
	return is_watched(resource) && guard_in_force() &&
		getrlimit((__rlimit_resource_t)resource, ret) == 0;
}

static void compare(
	const char *step, int resource, uint64_t before, uint64_t after, const void *site) {
	const struct init *i = guard_in_force();
	const char *lost = i ? lost_by_limit(i, resource, before, after) : NULL;

	if (lost)
		event_send(i, step, 0, site, "%s", lost);
}

static bool is_self(pid_t pid) {
	return pid == 0 || pid == getpid();
}

WRAPPER int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
	__typeof__(&setrlimit) next = NEXT(NEXT_SETRLIMIT, setrlimit);
	struct rlimit before;
	bool watched = read_before((int)resource, &before);
	int r;

	if (!next)
		return -1;
	r = next(resource, limit);
	if (watched && r == 0)
		compare("setrlimit", (int)resource, before.rlim_cur, limit->rlim_cur, CALL_SITE());
	return r;
}

WRAPPER int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit) {
	__typeof__(&setrlimit64) next = NEXT(NEXT_SETRLIMIT64, setrlimit64);
	struct rlimit before;
	bool watched = read_before((int)resource, &before);
	int r;

	if (!next)
		return -1;
	r = next(resource, limit);
	if (watched && r == 0)
		compare("setrlimit", (int)resource, before.rlim_cur, limit->rlim_cur, CALL_SITE());
	return r;
}

WRAPPER int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit,
	struct rlimit *old) {
	__typeof__(&prlimit) next = NEXT(NEXT_PRLIMIT, prlimit);
	struct rlimit before;
	bool watched = limit && is_self(pid) && read_before((int)resource, &before);
	uint64_t after = watched ? limit->rlim_cur : 0; /* old may be the same memory */
	int r;

	if (!next)
		return -1;
	r = next(pid, resource, limit, old);
	if (watched && r == 0)
		compare("setrlimit", (int)resource, before.rlim_cur, after, CALL_SITE());
	return r;
}

WRAPPER int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
	struct rlimit64 *old) {
	__typeof__(&prlimit64) next = NEXT(NEXT_PRLIMIT64, prlimit64);
	struct rlimit before;
	bool watched = limit && is_self(pid) && read_before((int)resource, &before);
	uint64_t after = watched ? limit->rlim_cur : 0;
	int r;

	if (!next)
		return -1;
	r = next(pid, resource, limit, old);
	if (watched && r == 0)
		compare("setrlimit", (int)resource, before.rlim_cur, after, CALL_SITE());
	return r;
}
