/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel keeps how a process ended for as long as a pidfd is open that was open when it ended. The
 * request and its block are younger than the headers of many systems that run on such a kernel.
 */
#include "host/pidfd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/cleanup.h"
#include "common/io.h"

#define PID_LINE "\nPid:"

/* First layout of the kernel's block; later ones are longer and go by their own request number. */
struct exit_info {
	uint64_t mask;
	uint64_t cgroup_id;
	uint32_t ids[11]; /* pid, tgid, ppid, users and groups */
	int32_t exit_code;
};
_Static_assert(sizeof(struct exit_info) == 64, "the size is a part of the request");

#define GET_INFO  _IOWR(0xff, 11, struct exit_info)
#define MASK_EXIT (1ull << 3)

int pidfd_exit_status(int pidfd, int *ret_status) {
	struct exit_info info = { .mask = MASK_EXIT };

	if (ioctl(pidfd, GET_INFO, &info) < 0)
		return errno == ESRCH ? -ESRCH : -EOPNOTSUPP;
	if (!(info.mask & MASK_EXIT))
		return -EAGAIN;
	*ret_status = info.exit_code;
	return 0;
}

pid_t pidfd_pid(int pidfd) {
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *line;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (read_file(path, 4096, &text, NULL) < 0)
		return -EBADF;
	line = strstr(text, PID_LINE);
	if (!line)
		return -EBADF;
	pid = strtol(line + strlen(PID_LINE), NULL, 10);
	return pid > 0 ? (pid_t)pid : 0;
}
