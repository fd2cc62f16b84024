/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/enums.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "libpolicy/policy.h"

const struct enum_name lock_names[] = {
	{ "none", LOCK_NONE },
	{ "strict", LOCK_STRICT },
	{ "balanced", LOCK_BALANCED },
	{ "onfault", LOCK_ONFAULT },
	{ NULL, 0 },
};

const struct enum_name thp_names[] = {
	{ "off", THP_OFF },
	{ "default", THP_DEFAULT },
	{ NULL, 0 },
};

const struct enum_name allocator_names[] = {
	{ "glibc", ALLOCATOR_GLIBC },
	{ "jemalloc", ALLOCATOR_JEMALLOC },
	{ "mimalloc", ALLOCATOR_MIMALLOC },
	{ NULL, 0 },
};

const struct enum_name heap_pages_names[] = {
	{ "default", HEAP_PAGES_DEFAULT },
	{ "2M", HEAP_PAGES_2M },
	{ "1G", HEAP_PAGES_1G },
	{ NULL, 0 },
};

const struct enum_name pages_fallback_names[] = {
	{ "refuse", PAGES_FALLBACK_REFUSE },
	{ "allow", PAGES_FALLBACK_ALLOW },
	{ NULL, 0 },
};

const struct enum_name inject_names[] = {
	{ "auto", INJECT_AUTO },
	{ "preload", INJECT_PRELOAD },
	{ "ptrace", INJECT_PTRACE },
	{ "none", INJECT_NONE },
	{ NULL, 0 },
};

const struct enum_name fork_names[] = {
	{ "allow", FORK_ALLOW },
	{ "report", FORK_REPORT },
	{ "precopy", FORK_PRECOPY },
	{ "deny", FORK_DENY },
	{ NULL, 0 },
};

const struct enum_name children_names[] = {
	{ "none", CHILDREN_NONE },
	{ "inherit", CHILDREN_INHERIT },
	{ NULL, 0 },
};

const struct enum_name ready_names[] = {
	{ "notify", READY_NOTIFY },
	{ "settle", READY_SETTLE },
	{ "exec", READY_EXEC },
	{ NULL, 0 },
};

const struct enum_name violation_names[] = {
	{ "report", VIOLATION_REPORT },
	{ "restart", VIOLATION_RESTART },
	{ "stop", VIOLATION_STOP },
	{ NULL, 0 },
};

const struct enum_name restart_names[] = {
	{ "no", RESTART_NO },
	{ "on-failure", RESTART_ON_FAILURE },
	{ "always", RESTART_ALWAYS },
	{ NULL, 0 },
};

const struct enum_name seal_names[] = {
	{ "off", SEAL_OFF },
	{ "report", SEAL_REPORT },
	{ "deny", SEAL_DENY },
	{ NULL, 0 },
};

const struct enum_name on_timeout_names[] = {
	{ "report", TIMEOUT_REPORT },
	{ "fail", TIMEOUT_FAIL },
	{ NULL, 0 },
};

const struct enum_name on_change_names[] = {
	{ "report", ON_CHANGE_REPORT },
	{ "restart", ON_CHANGE_RESTART },
	{ NULL, 0 },
};

const struct enum_name stop_signal_names[] = {
	{ "term", SIGTERM },
	{ "int", SIGINT },
	{ "quit", SIGQUIT },
	{ "hup", SIGHUP },
	{ "usr1", SIGUSR1 },
	{ "usr2", SIGUSR2 },
	{ NULL, 0 },
};

const struct enum_name scheduler_names[] = {
	{ "other", SCHED_OTHER },
	{ "batch", SCHED_BATCH },
	{ "idle", SCHED_IDLE },
	{ "fifo", SCHED_FIFO },
	{ "rr", SCHED_RR },
	{ NULL, 0 },
};

const struct enum_name host_thp_names[] = {
	{ "always", HOST_THP_ALWAYS },
	{ "madvise", HOST_THP_MADVISE },
	{ "never", HOST_THP_NEVER },
	{ NULL, 0 },
};

const struct enum_name *enum_find(const struct enum_name *names, const char *name) {
	for (; names->name; names++)
		if (strcmp(names->name, name) == 0)
			return names;
	return NULL;
}

const char *enum_to_string(const struct enum_name *names, int value) {
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}
