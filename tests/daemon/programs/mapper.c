/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mapper FIFO: a program whose threads change its memory map on command, and say what came of it. Each line
 * of the FIFO is "THREAD CALL N": `main` or one of three threads makes the call N times, by system call,
 * past any library, unless the name begins with "libc-"; then it prints "THREAD CALL N: ERRNO".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	  4096
#define N_THREADS 3
#define MIB	  (1u << 20)

extern char **environ;

static const char *const names[N_THREADS] = { "one", "two", "three" };
static int pipes[N_THREADS][2];

static char *ground; /* pages that are there from the beginning */

static long do_mmap(void) {
	return syscall(
		SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long do_munmap(void) {
	static char *next = NULL;

	next = next ? next + PAGE : ground + 512 * PAGE;
	return syscall(SYS_munmap, next, PAGE);
}

static long do_mprotect(void) {
	return syscall(SYS_mprotect, ground, PAGE, PROT_READ | PROT_WRITE);
}

static long do_mremap(void) {
	return syscall(SYS_mremap, ground, PAGE, PAGE, 0);
}

/* The kernel gives back an address: the end as it is when it refuses. */
static long do_brk(void) {
	long end = syscall(SYS_brk, 0), now = syscall(SYS_brk, end + PAGE);

	errno = now == end + PAGE ? 0 : ENOMEM;
	return errno ? -1 : 0;
}

static long do_brk_question(void) {
	return syscall(SYS_brk, 0) ? 0 : -1;
}

static long do_dontneed(void) {
	(void)syscall(SYS_munlock, ground, PAGE);
	return syscall(SYS_madvise, ground, PAGE, MADV_DONTNEED);
}

static long do_willneed(void) {
	return syscall(SYS_madvise, ground, PAGE, MADV_WILLNEED);
}

static long do_fork(void) {
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid((pid_t)pid, NULL, 0) : pid;
}

static long do_exec(void) {
	char *const argv[] = { (char *)"/bin/true", NULL };

	return execve(argv[0], argv, environ);
}

static long do_nothing(void) {
	return syscall(SYS_getppid);
}

static long do_libc_fork(void) {
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid(pid, NULL, 0) : pid;
}

static long do_libc_spawn(void) {
	char *const argv[] = { (char *)"/bin/true", NULL };
	pid_t pid;

	errno = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	return errno ? -1 : waitpid(pid, NULL, 0);
}

/* A stack that the C library has kept, or one that it must map */
static void *end_at_once(void *unused) {
	return unused;
}

static long start_thread(size_t stack_bytes) {
	pthread_attr_t attr;
	pthread_t thread;

	(void)pthread_attr_init(&attr);
	if (stack_bytes)
		(void)pthread_attr_setstacksize(&attr, stack_bytes);
	errno = pthread_create(&thread, &attr, end_at_once, NULL);
	if (errno == 0)
		errno = pthread_join(thread, NULL);
	return errno ? -1 : 0;
}

static long do_libc_thread(void) {
	return start_thread(0);
}

static long do_libc_large_thread(void) {
	return start_thread(64 * MIB);
}

/* A thread that waits until it's released, and then gives its stack back */
static int release_pipe[2];
static pthread_t held;

static void *wait_for_release(void *unused) {
	char byte;

	return read(release_pipe[0], &byte, 1) == 1 ? unused : NULL;
}

static long do_libc_hold(void) {
	pthread_attr_t attr;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 64 * MIB);
	errno = pipe2(release_pipe, O_CLOEXEC) < 0
		? errno
		: pthread_create(&held, &attr, wait_for_release, NULL);
	return errno ? -1 : 0;
}

static long do_libc_release(void) {
	if (write(release_pipe[1], "r", 1) != 1)
		return -1;
	errno = pthread_join(held, NULL);
	return errno ? -1 : 0;
}

static long use(size_t size) {
	char *p = malloc(size);

	if (!p)
		return -1;
	memset(p, 1, size);
	free(p);
	return 0;
}

static long do_libc_small_block(void) {
	return use(MIB);
}

static long do_libc_large_block(void) {
	return use(256 * MIB);
}

/* A filter of this thread alone, which lets everything through */
static long do_filter(void) {
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		? -1
		: syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static long do_ready(void) {
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	if (!path || fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	n = sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	return n;
}

static const struct call {
	const char *name;
	long (*fn)(void);
} calls[] = {
	{ "mmap", do_mmap },
	{ "munmap", do_munmap },
	{ "mprotect", do_mprotect },
	{ "mremap", do_mremap },
	{ "brk", do_brk },
	{ "brk-question", do_brk_question },
	{ "dontneed", do_dontneed },
	{ "willneed", do_willneed },
	{ "fork", do_fork },
	{ "exec", do_exec },
	{ "nothing", do_nothing },
	{ "filter", do_filter },
	{ "ready", do_ready },
	{ "libc-fork", do_libc_fork },
	{ "libc-spawn", do_libc_spawn },
	{ "libc-thread", do_libc_thread },
	{ "libc-large-thread", do_libc_large_thread },
	{ "libc-hold", do_libc_hold },
	{ "libc-release", do_libc_release },
	{ "libc-small-block", do_libc_small_block },
	{ "libc-large-block", do_libc_large_block },
};

struct order {
	const struct call *call;
	unsigned n;
};

static void obey(const char *thread, const struct order *o) {
	long r = 0;

	errno = 0;
	for (unsigned i = 0; i < o->n && r != -1; i++)
		r = o->call->fn();
	if (r != -1)
		errno = 0;
	dprintf(STDOUT_FILENO, "%s %s %u: %s\n", thread, o->call->name, o->n,
		errno ? strerrorname_np(errno) : "0");
}

static void *work(void *number) {
	size_t t = (size_t)number;
	struct order o;

	(void)prctl(PR_SET_NAME, names[t], 0, 0, 0);
	while (read(pipes[t][0], &o, sizeof(o)) == sizeof(o))
		obey(names[t], &o);
	return NULL;
}

static const struct call *find_call(const char *name) {
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	fprintf(stderr, "mapper: %s: no such call\n", name);
	exit(2);
}

static void pass_on(const char *thread, const struct order *o) {
	if (strcmp(thread, "main") == 0)
		obey(thread, o);
	for (size_t t = 0; t < N_THREADS; t++)
		if (strcmp(thread, names[t]) == 0 && write(pipes[t][1], o, sizeof(*o)) < 0)
			exit(2);
}

static void obey_line(char *line) {
	char *save, *thread = strtok_r(line, " ", &save), *name = strtok_r(NULL, " ", &save);
	char *number = strtok_r(NULL, " ", &save);
	struct order o;

	if (!name || !number)
		exit(2);
	o = (struct order){ find_call(name), (unsigned)strtoul(number, NULL, 10) };
	pass_on(thread, &o);
}

static void obey_lines(int fd) {
	static char buf[4096];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, buf + used, sizeof(buf) - used)) > 0) {
		char *end;

		used += (size_t)n;
		while ((end = memchr(buf, '\n', used)) != NULL) {
			*end = '\0';
			obey_line(buf);
			used -= (size_t)(end + 1 - buf);
			memmove(buf, end + 1, used);
		}
	}
}

int main(int argc, char *argv[]) {
	pthread_t thread;
	int fd;

	ground = mmap(
		NULL, 1024 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (argc < 2 || ground == MAP_FAILED)
		return 2;
	for (size_t t = 0; t < N_THREADS; t++)
		if (pipe2(pipes[t], O_CLOEXEC) < 0 ||
			pthread_create(&thread, NULL, work, (void *)t) != 0) /* NOLINT: a number */
			return 2;
	fd = open(argv[1], O_RDWR | O_CLOEXEC); /* writing too: never at its end */
	if (fd < 0)
		return 2;
	obey_lines(fd);
	return 1;
}
