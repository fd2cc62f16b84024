/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/capability.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const names[] = {
	[CAP_CHOWN] = "chown",
	[CAP_DAC_OVERRIDE] = "dac_override",
	[CAP_DAC_READ_SEARCH] = "dac_read_search",
	[CAP_FOWNER] = "fowner",
	[CAP_FSETID] = "fsetid",
	[CAP_KILL] = "kill",
	[CAP_SETGID] = "setgid",
	[CAP_SETUID] = "setuid",
	[CAP_SETPCAP] = "setpcap",
	[CAP_LINUX_IMMUTABLE] = "linux_immutable",
	[CAP_NET_BIND_SERVICE] = "net_bind_service",
	[CAP_NET_BROADCAST] = "net_broadcast",
	[CAP_NET_ADMIN] = "net_admin",
	[CAP_NET_RAW] = "net_raw",
	[CAP_IPC_LOCK] = "ipc_lock",
	[CAP_IPC_OWNER] = "ipc_owner",
	[CAP_SYS_MODULE] = "sys_module",
	[CAP_SYS_RAWIO] = "sys_rawio",
	[CAP_SYS_CHROOT] = "sys_chroot",
	[CAP_SYS_PTRACE] = "sys_ptrace",
	[CAP_SYS_PACCT] = "sys_pacct",
	[CAP_SYS_ADMIN] = "sys_admin",
	[CAP_SYS_BOOT] = "sys_boot",
	[CAP_SYS_NICE] = "sys_nice",
	[CAP_SYS_RESOURCE] = "sys_resource",
	[CAP_SYS_TIME] = "sys_time",
	[CAP_SYS_TTY_CONFIG] = "sys_tty_config",
	[CAP_MKNOD] = "mknod",
	[CAP_LEASE] = "lease",
	[CAP_AUDIT_WRITE] = "audit_write",
	[CAP_AUDIT_CONTROL] = "audit_control",
	[CAP_SETFCAP] = "setfcap",
	[CAP_MAC_OVERRIDE] = "mac_override",
	[CAP_MAC_ADMIN] = "mac_admin",
	[CAP_SYSLOG] = "syslog",
	[CAP_WAKE_ALARM] = "wake_alarm",
	[CAP_BLOCK_SUSPEND] = "block_suspend",
	[CAP_AUDIT_READ] = "audit_read",
	[CAP_PERFMON] = "perfmon",
	[CAP_BPF] = "bpf",
	[CAP_CHECKPOINT_RESTORE] = "checkpoint_restore",
};

const char *capability_to_string(int number) {
	return number >= 0 && number < (int)ARRAY_LEN(names) ? names[number] : NULL;
}

int capability_from_string(const char *name) {
	for (int i = 0; i < (int)ARRAY_LEN(names); i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

/* "CAP_IPC_LOCK"; "CAP_47" for one that this table doesn't know. */
static void format_one(int number, char *buf, size_t size) {
	const char *name = capability_to_string(number);

	if (!name) {
		snprintf(buf, size, "CAP_%d", number);
		return;
	}
	snprintf(buf, size, "CAP_%s", name);
	for (char *p = buf; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}

const char *capabilities_format(uint64_t mask, char buf[static CAPABILITY_LIST_TEXT_MAX]) {
	size_t used = 0;

	if (!mask)
		return strcpy(buf, "none");
	for (int i = 0; i < 64; i++) {
		char one[40];
		size_t len;

		if (!(mask & CAPABILITY_BIT(i)))
			continue;
		format_one(i, one, sizeof(one));
		len = strlen(one);
		if (used + len + sizeof(", ...") > CAPABILITY_LIST_TEXT_MAX) {
			strcpy(buf + used, "...");
			return buf;
		}
		used += (size_t)sprintf(buf + used, "%s%s", one, mask >> i > 1 ? ", " : "");
	}
	return buf;
}
