/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_HOST_SETTING_H
#define RTMEM_HOST_SETTING_H

/*
 * One setting of the machine: read, compared, written, explained. Nothing here decides, keeps or
 * repeats anything: whoever changes settings keeps the original, calls setting_write() and reads back.
 * Names may contain slashes ("hugetlbfs./mnt/huge") when they're made into file names. `root` is a
 * prefix for /proc and /sys; NULL or "" is this machine.
 */
#include <stdbool.h>

#define SETTING_VALUE_MAX  4096
#define SETTING_REASON_MAX 512

/** The value as setting_write() takes it. -EINVAL: no setting has this name. -ENOENT: it doesn't apply
 *  to this machine. -EACCES and the like: it can't be read. Text that's empty can't be put back. */
int setting_read(const char *root, const char *setting, char **ret_value);

/** What the setting is, one sentence; "" for a name that no setting has. */
const char *setting_about(const char *setting);

/** Is the wish fulfilled by what was read? False also for a name that no setting has. */
bool setting_same(const char *setting, const char *wanted, const char *actual);

/** Writes this setting and nothing else. 0 when the kernel took it, which doesn't mean that it did
 *  all of it (huge pages): read back. -errno as the kernel said, with a sentence in ret_reason. */
int setting_write(const char *root, const char *setting, const char *value,
	char ret_reason[static SETTING_REASON_MAX]);

/** Is a write of it more than one step, so that one that failed may have done a part (swap, a mount)? */
bool setting_has_steps(const char *setting);

/** What a write of `value` does, in words for --dry-run: "write 64 to /proc/sys/vm/...". */
const char *setting_describe_write(const char *root, const char *setting, const char *value,
	char ret[static SETTING_REASON_MAX]);

/** Why `actual` was read back after `wanted` had been written without an error. */
void setting_explain_short(const char *root, const char *setting, const char *wanted,
	const char *actual, char ret[static SETTING_REASON_MAX]);

/** Rank of the write: lower ones come first when applying, last when going back. What needs memory to
 *  be movable comes before what forbids that. -EINVAL: no such setting. */
int setting_order(const char *setting);

/** Is the wish only to be reported, never written (`swap: report`)? */
bool setting_is_report(const char *setting, const char *wanted);

#endif
