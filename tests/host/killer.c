/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into the program under test: counts the calls that change files, or read them, below the
 * directories, and at one of them kills the process or has the call fail. So every
 * instant at which a transaction can be cut off is a number.
 *   RTMEM_TEST_DIR=DIR[:DIR...]       whose files are meant
 *   RTMEM_TEST_CALLS=open,write,...   which calls count; openw: opened for writing
 *   RTMEM_TEST_AT=N                   the N-th of them, from 1; 0 = none
 *   RTMEM_TEST_DO=before|after|ERRNO  kill before or after it, or fail it with this number
 *   RTMEM_TEST_PLAN=FILE              "NUMBER AT DO", in place of both: a new number begins to count anew
 *   RTMEM_TEST_LOG=FILE               a line for each call
 *   RTMEM_TEST_CLOCK_STEP=SECONDS     how far the wall clock is off
 */
#undef _FILE_OFFSET_BITS /* both names of each call are wanted */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int n_calls;

static const char *variable(const char *name) {
	const char *value = getenv(name);

	return value ? value : "";
}

/* Is this the path of something that the test is about? */
static bool is_ours(const char *path) {
	for (const char *dir = variable("RTMEM_TEST_DIR"); *dir; dir += dir[0] == ':') {
		size_t len = strcspn(dir, ":");

		if (strncmp(path, dir, len) == 0)
			return true;
		dir += len;
	}
	return false;
}

static bool fd_path(int fd, char ret[static 512]) {
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, 511);
	ret[n > 0 ? n : 0] = '\0';
	return is_ours(ret);
}

static bool counts(const char *call) {
	const char *list = variable("RTMEM_TEST_CALLS"), *at = strstr(list, call);
	size_t len = strlen(call);

	return at && (at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0');
}

static void write_log(const char *call, const char *path) {
	const char *log = variable("RTMEM_TEST_LOG");
	char line[600];
	int len, fd;

	if (!*log)
		return;
	len = snprintf(line, sizeof(line), "%s %s\n", call, path);
	fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd >= 0) {
		(void)!syscall(SYS_write, fd, line, (size_t)len);
		(void)syscall(SYS_close, fd);
	}
}

struct plan {
	int number;
	int at;
	char action[16];
};

/* For a process that goes on after each failure. */
static struct plan read_plan(void) {
	const char *file = variable("RTMEM_TEST_PLAN");
	struct plan plan = { .at = atoi(variable("RTMEM_TEST_AT")) };
	char text[64] = "";
	int fd;

	snprintf(plan.action, sizeof(plan.action), "%.15s", variable("RTMEM_TEST_DO"));
	if (!*file)
		return plan;
	fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return plan;
	(void)!syscall(SYS_read, fd, text, sizeof(text) - 1);
	(void)syscall(SYS_close, fd);
	(void)sscanf(text, "%d %d %15s", &plan.number, &plan.at, plan.action);
	return plan;
}

enum fate {
	PASS,
	FAIL,
	DIE_AFTER
};

static enum fate decide(const char *call, const char *path) {
	static int number;
	struct plan plan;

	if (!counts(call))
		return PASS;
	plan = read_plan();
	if (plan.number != number)
		n_calls = 0;
	number = plan.number;
	write_log(call, path);
	if (++n_calls != plan.at)
		return PASS;
	if (strcmp(plan.action, "after") == 0)
		return DIE_AFTER;
	if (strcmp(plan.action, "before") == 0)
		(void)kill(getpid(), SIGKILL);
	errno = atoi(plan.action);
	return FAIL;
}

static long finish(enum fate fate, long result) {
	if (fate == DIE_AFTER)
		(void)kill(getpid(), SIGKILL);
	return result;
}

/* The calls go to the kernel directly: what the C library adds isn't needed for plain files. */
#define FORWARD(type, call, path, ours, ...)                          \
	do {                                                          \
		enum fate fate_ = (ours) ? decide(call, path) : PASS; \
		if (fate_ == FAIL)                                    \
			return -1;                                    \
		return (type)finish(fate_, syscall(__VA_ARGS__));     \
	} while (0)

/* A file of the kernel isn't emptied before a write, nor does a write leave the end of the old text. */
static bool is_kernel_file(const char *path) {
	return strstr(path, "/proc/sys/") || strstr(path, "/sys/kernel/");
}

static long open_at(int dir, const char *path, int flags, unsigned mode) {
	char full[1024] = "";

	if (path[0] != '/' && dir != AT_FDCWD && fd_path(dir, full))
		snprintf(full + strlen(full), sizeof(full) - strlen(full), "/%s", path);
	else
		snprintf(full, sizeof(full), "%s", path);
	if (is_ours(full) && is_kernel_file(full))
		flags &= ~O_TRUNC;
	FORWARD(long, (flags & O_ACCMODE) == O_RDONLY ? "open" : "openw", full, is_ours(full),
		SYS_openat, dir, path, flags, mode);
}

#define MODE(flags, last)                               \
	({                                              \
		unsigned mode_ = 0;                     \
		if ((flags)&O_CREAT) {                  \
			va_list args;                   \
			va_start(args, last);           \
			mode_ = va_arg(args, unsigned); \
			va_end(args);                   \
		}                                       \
		mode_;                                  \
	})

#define EXPORT __attribute__((visibility("default")))

EXPORT int open(const char *path, int flags, ...);
EXPORT int open(const char *path, int flags, ...) {
	return (int)open_at(AT_FDCWD, path, flags, MODE(flags, flags));
}

EXPORT int open64(const char *path, int flags, ...);
EXPORT int open64(const char *path, int flags, ...) {
	return (int)open_at(AT_FDCWD, path, flags, MODE(flags, flags));
}

EXPORT int openat(int dir, const char *path, int flags, ...);
EXPORT int openat(int dir, const char *path, int flags, ...) {
	return (int)open_at(dir, path, flags, MODE(flags, flags));
}

EXPORT int openat64(int dir, const char *path, int flags, ...);
EXPORT int openat64(int dir, const char *path, int flags, ...) {
	return (int)open_at(dir, path, flags, MODE(flags, flags));
}

EXPORT ssize_t write(int fd, const void *buf, size_t n) {
	char path[512];
	bool ours = fd_path(fd, path);
	enum fate fate = ours ? decide("write", path) : PASS;

	if (fate == FAIL)
		return -1;
	/* of a tree that plays the kernel; the kernel's own aren't regular for that */
	if (ours && is_kernel_file(path) && strncmp(path, "/proc/", 6) != 0 &&
		strncmp(path, "/sys/", 5) != 0)
		(void)syscall(SYS_ftruncate, fd, 0);
	return finish(fate, syscall(SYS_write, fd, buf, n));
}

EXPORT ssize_t read(int fd, void *buf, size_t n) {
	char path[512];

	FORWARD(ssize_t, "read", path, fd_path(fd, path), SYS_read, fd, buf, n);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret) {
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += atoi(variable("RTMEM_TEST_CLOCK_STEP"));
	return r;
}

EXPORT int fsync(int fd) {
	char path[512];

	FORWARD(int, "fsync", path, fd_path(fd, path), SYS_fsync, fd);
}

EXPORT int fchmod(int fd, mode_t mode) {
	char path[512];

	FORWARD(int, "fchmod", path, fd_path(fd, path), SYS_fchmod, fd, mode);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to) {
	char path[512];

	FORWARD(int, "rename", path, fd_path(to_dir, path), SYS_renameat2, from_dir, from, to_dir,
		to, 0);
}
