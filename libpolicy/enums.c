/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libpolicy/enums.h"

#include <linux/capability.h>
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

const struct enum_name capability_names[] = {
	{ "audit_control", CAP_AUDIT_CONTROL },
	{ "audit_read", CAP_AUDIT_READ },
	{ "audit_write", CAP_AUDIT_WRITE },
	{ "block_suspend", CAP_BLOCK_SUSPEND },
	{ "bpf", 39 }, /* numbers: names that older kernel headers lack */
	{ "checkpoint_restore", 40 },
	{ "chown", CAP_CHOWN },
	{ "dac_override", CAP_DAC_OVERRIDE },
	{ "dac_read_search", CAP_DAC_READ_SEARCH },
	{ "fowner", CAP_FOWNER },
	{ "fsetid", CAP_FSETID },
	{ "ipc_lock", CAP_IPC_LOCK },
	{ "ipc_owner", CAP_IPC_OWNER },
	{ "kill", CAP_KILL },
	{ "lease", CAP_LEASE },
	{ "linux_immutable", CAP_LINUX_IMMUTABLE },
	{ "mac_admin", CAP_MAC_ADMIN },
	{ "mac_override", CAP_MAC_OVERRIDE },
	{ "mknod", CAP_MKNOD },
	{ "net_admin", CAP_NET_ADMIN },
	{ "net_bind_service", CAP_NET_BIND_SERVICE },
	{ "net_broadcast", CAP_NET_BROADCAST },
	{ "net_raw", CAP_NET_RAW },
	{ "perfmon", 38 },
	{ "setfcap", CAP_SETFCAP },
	{ "setgid", CAP_SETGID },
	{ "setpcap", CAP_SETPCAP },
	{ "setuid", CAP_SETUID },
	{ "sys_admin", CAP_SYS_ADMIN },
	{ "sys_boot", CAP_SYS_BOOT },
	{ "sys_chroot", CAP_SYS_CHROOT },
	{ "sys_module", CAP_SYS_MODULE },
	{ "sys_nice", CAP_SYS_NICE },
	{ "sys_pacct", CAP_SYS_PACCT },
	{ "sys_ptrace", CAP_SYS_PTRACE },
	{ "sys_rawio", CAP_SYS_RAWIO },
	{ "sys_resource", CAP_SYS_RESOURCE },
	{ "sys_time", CAP_SYS_TIME },
	{ "sys_tty_config", CAP_SYS_TTY_CONFIG },
	{ "syslog", CAP_SYSLOG },
	{ "wake_alarm", CAP_WAKE_ALARM },
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
