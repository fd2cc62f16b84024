/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into rtmemd: at a moment of the test's choice the N-th call of some kinds fails with an error
 * of its choice. The file RTMEM_TEST_CONTROL is shared memory, struct control below: a test arms it while
 * rtmemd runs, and reads from it how many calls there were and which one failed. Calls that the C library
 * makes inside itself aren't seen.
 */
#undef _FILE_OFFSET_BITS /* both names of each call are wanted */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind {
	KIND_MEMORY = 1, /* malloc() and its like */
	KIND_DESCRIPTOR = 2, /* calls that make a descriptor */
	KIND_TRANSFER = 4, /* reads, writes, messages */
	KIND_OTHER = 8, /* every other system call */
	KIND_SPAWN = 16,
};

struct control {
	uint32_t kinds; /* 0 = none fails and none is counted */
	uint32_t left; /* the one that makes it 0 fails */
	int32_t error;
	uint32_t n_seen;
	char failed[64]; /* its name, "" = none yet */
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
	const char *path = getenv("RTMEM_TEST_CONTROL");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = (void *)syscall(
		SYS_mmap, 0L, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)syscall(SYS_close, fd);
	if (map != MAP_FAILED)
		control = map;
}

static bool fails(enum kind kind, const char *call) {
	struct control *c = control;

	if (!c || !(__atomic_load_n(&c->kinds, __ATOMIC_ACQUIRE) & kind))
		return false;
	(void)__atomic_add_fetch(&c->n_seen, 1, __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&c->left, 1, __ATOMIC_RELAXED) != 0)
		return false;
	strncpy(c->failed, call, sizeof(c->failed) - 1);
	errno = c->error;
	return true;
}

/* ---- memory ------------------------------------------------------------------------------------ */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size) {
	return fails(KIND_MEMORY, "malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
	return fails(KIND_MEMORY, "calloc") ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
	return fails(KIND_MEMORY, "realloc") ? NULL : __libc_realloc(p, size);
}

/* ---- system calls ------------------------------------------------------------------------------ */

/* Looked up before main(): dlsym() takes memory, which shall not count. */
#define WRAP(kind, failure, type, name, params, args)                           \
	static type(*real_##name) params;                                       \
	__attribute__((constructor)) static void find_##name(void) {            \
		*(void **)&real_##name = dlsym(RTLD_NEXT, #name);               \
	}                                                                       \
	type name params {                                                      \
		return fails(kind, #name) ? (type)(failure) : real_##name args; \
	}

#define DESCRIPTOR(type, name, params, args) WRAP(KIND_DESCRIPTOR, -1, type, name, params, args)
#define TRANSFER(type, name, params, args)   WRAP(KIND_TRANSFER, -1, type, name, params, args)
#define OTHER(type, name, params, args)	     WRAP(KIND_OTHER, -1, type, name, params, args)

/* The mode that may follow is passed on in any case: who doesn't want it doesn't read it. */
#define OPEN(name, params, args, last)                                        \
	static int(*real_##name) params;                                      \
	__attribute__((constructor)) static void find_##name(void) {          \
		*(void **)&real_##name = dlsym(RTLD_NEXT, #name);             \
	}                                                                     \
	int name params {                                                     \
		mode_t mode = 0;                                              \
		va_list more;                                                 \
                                                                              \
		va_start(more, last);                                         \
		if (last & (O_CREAT | __O_TMPFILE))                           \
			mode = va_arg(more, mode_t);                          \
		va_end(more);                                                 \
		return fails(KIND_DESCRIPTOR, #name) ? -1 : real_##name args; \
	}

OPEN(open, (const char *path, int flags, ...), (path, flags, mode), flags)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), flags)
OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode), flags)
OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode), flags)

DESCRIPTOR(int, socketpair, (int family, int type, int protocol, int pair[2]),
	(family, type, protocol, pair))
DESCRIPTOR(int, socket, (int family, int type, int protocol), (family, type, protocol))
DESCRIPTOR(int, memfd_create, (const char *name, unsigned flags), (name, flags))
DESCRIPTOR(int, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags),
	(fd, address, len, flags))
DESCRIPTOR(int, mkostemp, (char *path, int flags), (path, flags))
DESCRIPTOR(int, mkostemp64, (char *path, int flags), (path, flags))
DESCRIPTOR(int, epoll_create1, (int flags), (flags))
DESCRIPTOR(int, timerfd_create, (clockid_t clock, int flags), (clock, flags))
DESCRIPTOR(int, eventfd, (unsigned n, int flags), (n, flags))
DESCRIPTOR(int, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(KIND_DESCRIPTOR, NULL, DIR *, opendir, (const char *path), (path))

TRANSFER(ssize_t, read, (int fd, void *buf, size_t len), (fd, buf, len))
TRANSFER(ssize_t, pread, (int fd, void *buf, size_t len, off_t at), (fd, buf, len, at))
TRANSFER(ssize_t, pread64, (int fd, void *buf, size_t len, off64_t at), (fd, buf, len, at))
TRANSFER(ssize_t, write, (int fd, const void *buf, size_t len), (fd, buf, len))
TRANSFER(ssize_t, pwrite64, (int fd, const void *buf, size_t len, off64_t at), (fd, buf, len, at))
TRANSFER(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
TRANSFER(ssize_t, send, (int fd, const void *buf, size_t len, int flags), (fd, buf, len, flags))
TRANSFER(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
TRANSFER(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags))
TRANSFER(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
TRANSFER(ssize_t, process_vm_readv,
	(pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there,
		unsigned long n_there, unsigned long flags),
	(pid, here, n_here, there, n_there, flags))

OTHER(int, epoll_ctl, (int fd, int what, int of, struct epoll_event *event), (fd, what, of, event))
OTHER(int, timerfd_settime,
	(int fd, int flags, const struct itimerspec *time, struct itimerspec *before),
	(fd, flags, time, before))
OTHER(int, poll, (struct pollfd * items, nfds_t n, int timeout), (items, n, timeout))
OTHER(int, stat, (const char *path, struct stat *ret), (path, ret))
OTHER(int, lstat, (const char *path, struct stat *ret), (path, ret))
OTHER(int, fstat, (int fd, struct stat *ret), (fd, ret))
OTHER(int, stat64, (const char *path, struct stat64 *ret), (path, ret))
OTHER(int, lstat64, (const char *path, struct stat64 *ret), (path, ret))
OTHER(int, fstat64, (int fd, struct stat64 *ret), (fd, ret))
OTHER(int, access, (const char *path, int mode), (path, mode))
OTHER(ssize_t, readlink, (const char *path, char *buf, size_t size), (path, buf, size))
OTHER(int, rename, (const char *from, const char *to), (from, to))
OTHER(int, unlink, (const char *path), (path))
OTHER(int, rmdir, (const char *path), (path))
OTHER(int, mkdir, (const char *path, mode_t mode), (path, mode))
OTHER(int, fchmod, (int fd, mode_t mode), (fd, mode))
OTHER(int, ftruncate, (int fd, off_t size), (fd, size))
OTHER(int, ftruncate64, (int fd, off64_t size), (fd, size))
OTHER(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
	(fd, level, name, value, size))
OTHER(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
	(fd, level, name, value, size))
OTHER(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set))
OTHER(int, sched_getscheduler, (pid_t pid), (pid))
OTHER(int, sched_getparam, (pid_t pid, struct sched_param *param), (pid, param))
OTHER(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options),
	(type, id, info, options))
OTHER(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
OTHER(int, kill, (pid_t pid, int number), (pid, number))

int ioctl(int fd, unsigned long request, ...) {
	va_list more;
	void *argument;

	va_start(more, request);
	argument = va_arg(more, void *);
	va_end(more);
	if (fails(KIND_OTHER, "ioctl"))
		return -1;
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

static int control_fd(int fd, int what, long argument) {
	if (fails(what == F_DUPFD_CLOEXEC ? KIND_DESCRIPTOR : KIND_OTHER, "fcntl"))
		return -1;
	return (int)syscall(SYS_fcntl, fd, what, argument);
}

int fcntl(int fd, int what, ...) {
	va_list more;
	long argument;

	va_start(more, what);
	argument = va_arg(more, long);
	va_end(more);
	return control_fd(fd, what, argument);
}

int fcntl64(int fd, int what, ...) {
	va_list more;
	long argument;

	va_start(more, what);
	argument = va_arg(more, long);
	va_end(more);
	return control_fd(fd, what, argument);
}

/* prlimit() has an enumeration in its header, for which there's no portable name */
static int (*real_prlimit)(pid_t pid, int what, const struct rlimit *new, struct rlimit *old);
static int (*real_setrlimit)(int what, const struct rlimit *new);
static int (*real_spawn)(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);

__attribute__((constructor)) static void find_others(void) {
	*(void **)&real_prlimit = dlsym(RTLD_NEXT, "prlimit64");
	*(void **)&real_setrlimit = dlsym(RTLD_NEXT, "setrlimit64");
	*(void **)&real_spawn = dlsym(RTLD_NEXT, "posix_spawn");
}

static int set_limit(int what, const struct rlimit *new) {
	return fails(KIND_OTHER, "setrlimit") ? -1 : real_setrlimit(what, new);
}
__typeof__(setrlimit) setrlimit __attribute__((alias("set_limit")));
__typeof__(setrlimit64) setrlimit64 __attribute__((alias("set_limit")));

static int get_limit(pid_t pid, int what, const struct rlimit *new, struct rlimit *old) {
	return fails(KIND_OTHER, "prlimit") ? -1 : real_prlimit(pid, what, new, old);
}
__typeof__(prlimit) prlimit __attribute__((alias("get_limit")));
__typeof__(prlimit64) prlimit64 __attribute__((alias("get_limit")));

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files,
	const posix_spawnattr_t *attributes, char *const argv[], char *const env[]) {
	return fails(KIND_SPAWN, "posix_spawn")
		? errno
		: real_spawn(pid, path, files, attributes, argv, env);
}

static const char *made_by_number(long number) {
	switch (number) {
	case SYS_pidfd_open:
		return "pidfd_open";
	case SYS_pidfd_getfd:
		return "pidfd_getfd";
	case SYS_perf_event_open:
		return "perf_event_open";
	default:
		return NULL;
	}
}

long syscall(long number, ...) {
	static long (*real_syscall)(long number, ...);
	const char *name = made_by_number(number);
	long a[6];
	va_list more;

	if (!real_syscall)
		*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	va_start(more, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(more, long);
	va_end(more);
	if (name && fails(KIND_DESCRIPTOR, name))
		return -1;
	return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
