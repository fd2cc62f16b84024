/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An allow-list. A call that isn't in it fails as if the kernel didn't have it, with ENOSYS, and the kernel
 * logs it: a newer C library that tries a newer call falls back on an older one, and a supervisor of robots
 * doesn't die of it. What only an attacker would try is refused with EPERM. Calls of another architecture's
 * table, which no library makes, kill.
 *
 * The hands have no filter: children would inherit it for good.
 */
#include "daemon/confine/filter.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

#define CALL(name) SCMP_SYS(name)

/* Numbers of calls that an architecture doesn't have are negative, and libseccomp leaves them out. */
static const int allowed[] = {
	/* descriptors */
	CALL(read),
	CALL(readv),
	CALL(pread64),
	CALL(preadv),
	CALL(write),
	CALL(writev),
	CALL(pwrite64),
	CALL(pwritev),
	CALL(lseek),
	CALL(close),
	CALL(close_range),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(fcntl),
	CALL(flock),
	CALL(pipe2),
	CALL(fsync),
	CALL(fdatasync),
	CALL(ftruncate),
	CALL(fallocate),
	CALL(memfd_create),
	CALL(eventfd2),
	CALL(copy_file_range),
	CALL(sendfile),
	/* files */
	CALL(open),
	CALL(openat),
	CALL(openat2),
	CALL(stat),
	CALL(lstat),
	CALL(fstat),
	CALL(newfstatat),
	CALL(statx),
	CALL(statfs),
	CALL(fstatfs),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getdents64),
	CALL(getcwd),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(rmdir),
	CALL(unlink),
	CALL(unlinkat),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
	CALL(chmod),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchown),
	CALL(fchownat),
	CALL(umask),
	CALL(utimensat),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),
	CALL(fgetxattr),
	CALL(getxattr),
	CALL(lgetxattr),
	/* memory */
	CALL(brk),
	CALL(mmap),
	CALL(munmap),
	CALL(mremap),
	CALL(mprotect),
	CALL(madvise),
	CALL(mlock),
	CALL(munlock),
	CALL(mlockall),
	CALL(mincore),
	/* time */
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(timer_create),
	CALL(timer_settime),
	CALL(timer_delete),
	/* waiting */
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(signalfd4),
	CALL(futex),
	CALL(futex_waitv),
	CALL(restart_syscall),
	CALL(sched_yield),
	/* signals */
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigpending),
	CALL(rt_sigtimedwait),
	CALL(sigaltstack),
	CALL(kill),
	CALL(tgkill),
	CALL(pidfd_open),
	CALL(pidfd_send_signal),
	CALL(wait4),
	CALL(waitid),
	/* itself, and its threads */
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getresuid),
	CALL(getresgid),
	CALL(getgroups),
	CALL(getpgid),
	CALL(getpgrp),
	CALL(getsid),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrandom),
	CALL(prctl),
	CALL(arch_prctl),
	CALL(capget),
	CALL(set_robust_list),
	CALL(set_tid_address),
	CALL(rseq),
	CALL(membarrier),
	CALL(getcpu),
	CALL(exit),
	CALL(exit_group),
	/* processes under watch */
	CALL(prlimit64),
	CALL(getrlimit),
	CALL(setrlimit),
	CALL(getrusage),
	CALL(times),
	CALL(getpriority),
	CALL(sched_getaffinity),
	CALL(sched_getscheduler),
	CALL(sched_getparam),
	CALL(sched_getattr),
	CALL(sched_get_priority_max),
	CALL(sched_get_priority_min),
	CALL(get_robust_list),
	CALL(process_vm_readv),
	CALL(perf_event_open),
	CALL(kcmp),
	/* sockets */
	CALL(bind),
	CALL(listen),
	CALL(accept),
	CALL(accept4),
	CALL(connect),
	CALL(getsockname),
	CALL(getpeername),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(sendto),
	CALL(sendmsg),
	CALL(sendmmsg),
	CALL(recvfrom),
	CALL(recvmsg),
	CALL(recvmmsg),
	CALL(shutdown),
};

/* Nobody falls back on something else here. */
static const int forbidden[] = {
	CALL(execve),
	CALL(execveat),
	CALL(fork),
	CALL(vfork),
	CALL(ptrace),
	CALL(process_vm_writev),
	CALL(pidfd_getfd),
	CALL(capset),
	CALL(setuid),
	CALL(setgid),
	CALL(setreuid),
	CALL(setregid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(setgroups),
	CALL(setns),
	CALL(unshare),
	CALL(chroot),
	CALL(pivot_root),
	CALL(mount),
	CALL(umount2),
	CALL(open_tree),
	CALL(move_mount),
	CALL(fsopen),
	CALL(swapon),
	CALL(swapoff),
	CALL(reboot),
	CALL(kexec_load),
	CALL(kexec_file_load),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(bpf),
	CALL(userfaultfd),
	CALL(iopl),
	CALL(ioperm),
	CALL(mknod),
	CALL(mknodat),
	CALL(link),
	CALL(linkat),
	CALL(symlink),
	CALL(symlinkat),
	CALL(settimeofday),
	CALL(clock_settime),
	CALL(sethostname),
	CALL(syslog),
	CALL(acct),
	CALL(quotactl),
	CALL(keyctl),
	CALL(add_key),
	CALL(request_key),
	CALL(open_by_handle_at),
	CALL(io_uring_setup),
};

static const uint32_t ioctls[] = { TCGETS, FIONREAD, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE,
	PERF_EVENT_IOC_SET_OUTPUT, PERF_EVENT_IOC_ID, PERF_EVENT_IOC_REFRESH, PERF_EVENT_IOC_RESET,
	PERF_EVENT_IOC_SET_FILTER };

static int add_each(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n) {
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(filter, action, calls[i], 0);
	return r;
}

/* Calls that are allowed in part */
static int add_partly(scmp_filter_ctx filter) {
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(ioctls) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, ioctls[i]));
	/* PROCMAP_QUERY of newer kernels: by type and number, for its size grows */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, 'f' << 8 | 17));
	/* PIDFD_GET_INFO, for the same reason */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, 0xff << 8 | 11));
	/* threads, not processes; the arguments of clone3() can't be looked at */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r == 0)
		r = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, CALL(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	return r == 0 ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(socketpair), 1,
				SCMP_A0(SCMP_CMP_EQ, AF_UNIX))
		      : r;
}

/* no_new_privs comes with it by libseccomp's default: of this thread, which executes nothing. */
static int make(scmp_filter_ctx filter) {
	int r = add_each(filter, SCMP_ACT_ALLOW, allowed, ARRAY_LEN(allowed));

	if (r == 0)
		r = add_each(filter, SCMP_ACT_ERRNO(EPERM), forbidden, ARRAY_LEN(forbidden));
	if (r == 0)
		r = add_partly(filter);
	if (r < 0)
		return r;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	/* found by halving, not one after the other; older releases don't know it */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return 0;
}

int filter_install(void) {
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!filter)
		return -ENOMEM;
	r = make(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}
