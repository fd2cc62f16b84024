/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seal: from now on the kernel denies this process, in all its threads, every call that changes its
 * memory map (common/seal.h). It can't be broken again: filters stay until the end, whatever becomes of
 * rtmemd. The kernel wants no_new_privs for it, or a capability that hardly any program has; nothing is
 * lost by that, since no program can be executed any more.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/seal.h"
#include "libinit/init.h"

/* No defence against strangers' code: the processor's measures against it would slow down all of the
 * program (kernels before 5.16 switch them on with any filter). */
#define FLAGS (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW)

/* A positive answer is a thread that couldn't be sealed along; then none is. */
static long install(void) {
	struct sock_filter code[SEAL_FILTER_MAX];
	struct sock_fprog program = { .filter = code };
	long r;

	program.len = (unsigned short)seal_filter(code);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FLAGS, &program);
	return r < 0 ? -errno : r;
}

static void explain(struct init *i, long r) {
	if (r > 0)
		(void)init_problem(i, "seccomp", EBUSY,
			"thread %ld has put a seccomp filter of its own on itself, beside those of the "
			"process: let it do so for all threads, or before it makes threads",
			r);
	else if (r == -EINVAL || r == -ENOSYS)
		(void)init_problem(i, "seccomp", (int)r,
			"this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), or the process "
			"is in the strict mode of seccomp");
	else
		(void)init_problem(i, "seccomp", (int)r,
			"%s: a seccomp filter of the program or its container forbids further ones",
			strerrordesc_np((int)-r));
}

void seal_map(struct init *i) {
	long r;

	report_init(&i->report, REPORT_SEALED);
	i->report.init_lock = i->order.lock;
	r = install();
	if (r != 0)
		explain(i, r);
	(void)report_send(i->order.report_fd, &i->report);
}
