/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/enums.h"

#include <sched.h>
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
