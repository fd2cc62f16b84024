/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First of all, before any policy or client is listened to. Where a kernel or a container doesn't let us
 * be confined, rtmemd works all the same and says so: who relies on the programs would be worse off with
 * none.
 */
#include "daemon/confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "daemon/confine/filter.h"
#include "daemon/confine/hands.h"
#include "daemon/confine/privileges.h"
#include "daemon/launch/output.h"
#include "daemon/launch/starter.h"
#include "daemon/log.h"
#include "daemon/manager.h"

static void install_filter(void) {
	int r = filter_install();

	if (r == -ENOTSUP)
		log_debug("built without a filter of system calls");
	else if (r < 0)
		log_warning(
			"no filter of system calls: %s (is seccomp in this kernel?)", strerror(-r));
}

/* -errno; 0 also when it's ours already. */
static int enter(uint32_t pid, const char *name, int kind) {
	char path[32];
	_cleanup_close_ int fd = -1;
	struct stat theirs, ours;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", name);
	if (fd < 0 || fstat(fd, &theirs) < 0 || stat(path, &ours) < 0)
		return -errno;
	if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino)
		return 0;
	return setns(fd, kind) < 0 ? -errno : 0;
}

/* The thread takes a root and a working directory of its own first. */
static int see_theirs(void *userdata) {
	const struct options *o = userdata;
	int r = unshare(CLONE_FS) < 0 ? -errno : enter(o->namespaces_of, "net", CLONE_NEWNET);

	return r < 0 ? r : enter(o->namespaces_of, "mnt", CLONE_NEWNS);
}

static int leave_sandbox(const struct manager *m) {
	int r;

	if (!m->options->namespaces_of)
		return 0;
	r = hands_do(m->hands, see_theirs, (void *)m->options);
	if (r == 0 && m->starter)
		r = starter_do(m->starter, see_theirs, (void *)m->options);
	if (r < 0)
		log_error(
			"--namespaces-of %" PRIu32 ": can't take its mounts and network: %s (that "
			"takes CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE, and setns() allowed "
			"by RestrictNamespaces= of the unit)",
			m->options->namespaces_of, strerror(-r));
	return r;
}

int confine(struct manager *m) {
	int r = hands_new("rtmemd-hands", &m->hands);

	if (r < 0) {
		log_error("can't start a thread: %s; raise the limit of tasks (TasksMax= of the "
			  "unit)",
			strerror(-r));
		return r;
	}
	r = starter_new(&m->starter);
	if (r < 0)
		log_debug("launches copy all descriptors: %s", strerror(-r));
	r = leave_sandbox(m);
	if (r < 0)
		return r;
	r = outputs_new(
		m->options->namespaces_of ? see_theirs : NULL, (void *)m->options, &m->outputs);
	if (r < 0)
		log_warning("output of programs isn't rotated: rtmem-rotate can't be run: %s",
			strerror(-r));
	r = privileges_drop();
	if (r < 0)
		log_warning("capabilities that aren't needed can't be dropped: %s", strerror(-r));
	install_filter();
	return 0;
}
