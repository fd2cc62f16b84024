/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dropped for good: not from the effective set alone, to be raised where it's needed, because who has taken
 * over the thread would raise it too. What needs more is done by the hands.
 */
#include "daemon/confine/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/capability.h"
#include "common/cleanup.h"

const struct privilege privileges_kept[] = {
	{ CAP_DAC_READ_SEARCH, "programs and environment files below a user's private directory" },
	{ CAP_KILL, "stop processes of other users" },
	{ CAP_IPC_LOCK, "ring buffers of the fault counters are locked memory" },
	{ CAP_SYS_PTRACE, "memory maps and stacks of processes of other users" },
	{ CAP_SYS_RESOURCE, "limits and OOM score of running processes, when a policy changes" },
	{ CAP_PERFMON, "fault counters of processes of other users" },
};
const size_t n_privileges_kept = ARRAY_LEN(privileges_kept);

const struct privilege privileges_of_hands[] = {
	{ CAP_SETGID, "groups of a program's user" },
	{ CAP_SETUID, "a program's user" },
	{ CAP_SETPCAP, "capabilities of a program: `capabilities:`" },
	{ CAP_SYS_CHROOT, "the namespaces of pid 1: `--namespaces-of 1`" },
	{ CAP_SYS_ADMIN, "mounts of hugetlbfs, swap areas and some other settings of the machine" },
	{ CAP_SYS_NICE, "real-time schedulers, priorities and CPUs of programs" },
};
const size_t n_privileges_of_hands = ARRAY_LEN(privileges_of_hands);

uint64_t privileges_choose(uint64_t permitted) {
	uint64_t kept = 0;

	for (size_t i = 0; i < n_privileges_kept; i++)
		kept |= CAPABILITY_BIT(privileges_kept[i].capability);
	/* what counted before Linux 5.8, and in containers that know of nothing else */
	if (!(permitted & CAPABILITY_BIT(CAP_PERFMON)))
		kept |= CAPABILITY_BIT(CAP_SYS_ADMIN);
	return kept & permitted;
}

static int get_permitted(uint64_t *ret) {
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	*ret = (uint64_t)d[1].permitted << 32 | d[0].permitted;
	return 0;
}

static int set_all(uint64_t kept) {
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		d[i].permitted = d[i].effective = (uint32_t)(kept >> (32 * i));
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

/* Without CAP_SETPCAP it stays, and gives nothing to who never executes a program. */
static void drop_bounding(uint64_t kept) {
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(kept & CAPABILITY_BIT(i)))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

int privileges_drop(void) {
	uint64_t permitted = 0;
	int r = get_permitted(&permitted);

	if (r < 0)
		return r;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	drop_bounding(privileges_choose(permitted));
	return set_all(privileges_choose(permitted));
}
