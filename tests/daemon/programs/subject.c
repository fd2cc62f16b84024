/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that does on command what a program under watch may do. It knows nothing of rtmem. Commands
 * come line by line through a FIFO, so that a test decides when something happens and never waits for
 * time to pass. Two threads stand by: `worker` does what it's told, `idle` nothing.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deeds.h"

static int worker_pipe[2];

void die(const char *what) {
	perror(what);
	exit(1);
}

/* Exactly n real page faults, locked memory or not, and nothing left of them. */
static void fault(size_t n_pages) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = n_pages * page;
	volatile char *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munlock((void *)p, size) < 0 ||
		madvise((void *)p, size, MADV_DONTNEED) < 0)
		die("fault");
	for (size_t i = 0; i < size; i += page)
		p[i] = 1;
	munmap((void *)p, size);
}

/* Pages that are there before anybody touches them. They stay. */
static void populate(size_t n_pages) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *p = mmap(NULL, n_pages * page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		die("populate");
	for (size_t i = 0; i < n_pages * page; i += page)
		p[i] = 1;
}

void say_to(const char *variable, const char *text) {
	const char *path = getenv(variable);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path || fd < 0 || strlen(path) >= sizeof(address.sun_path))
		die(variable);
	memcpy(address.sun_path, path, strlen(path));
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("sendto");
	close(fd);
}

static void say(const char *text) {
	say_to("NOTIFY_SOCKET", text);
}

static void say_from_child(const char *text) {
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		say(text);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

static void *work(void *unused) {
	size_t n;

	while (read(worker_pipe[0], &n, sizeof(n)) == sizeof(n))
		fault(n);
	return unused;
}

static void *idle(void *unused) {
	for (;;)
		pause();
	return unused;
}

static void *fault_on(void *unused) {
	for (;;) {
		fault(1);
		usleep(20000);
	}
	return unused;
}

void start(const char *name, void *(*fn)(void *)) {
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, NULL) != 0 || pthread_setname_np(thread, name) != 0)
		die(name);
}

static void obey(const char *word, const char *rest) {
	size_t n = strtoul(rest, NULL, 10);

	if (strcmp(word, "fault") == 0)
		fault(n);
	else if (strcmp(word, "fault-worker") == 0 && write(worker_pipe[1], &n, sizeof(n)) > 0)
		return;
	else if (strcmp(word, "restless") == 0)
		start("restless", fault_on);
	else if (strcmp(word, "populate") == 0)
		populate(n);
	else if (strcmp(word, "munlockall") == 0)
		(void)munlockall();
	else if (strcmp(word, "thp") == 0)
		(void)prctl(PR_SET_THP_DISABLE, !n, 0, 0, 0);
	else if (strcmp(word, "say") == 0)
		say(rest);
	else if (strcmp(word, "say-from-child") == 0)
		say_from_child(rest);
	else if (strcmp(word, "exit") == 0)
		_exit((int)n);
	else
		do_deed(word, rest);
}

static void obey_line(char *line) {
	char *rest = strchr(line, ' ');

	if (rest)
		*rest++ = '\0';
	obey(line, rest ? rest : "");
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

/* subject FIFO [deaf]: deaf to SIGTERM */
int main(int argc, char *argv[]) {
	int fd;

	if (argc > 2 && strcmp(argv[2], "deaf") == 0)
		(void)signal(SIGTERM, SIG_IGN);
	if (argc < 2 || pipe2(worker_pipe, O_CLOEXEC) < 0)
		die("subject");
	start("worker", work);
	start("idle", idle);
	fd = open(argv[1], O_RDWR | O_CLOEXEC); /* writing too: never at its end */
	if (fd < 0)
		die(argv[1]);
	obey_lines(fd);
	return 1;
}
