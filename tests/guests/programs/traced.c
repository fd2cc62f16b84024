/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A static program that says how it found itself, and then waits in a way of the test's choice:
 *   traced                      nothing more
 *   traced sleep|epoll MSEC     waits once that long, and says how the wait ended
 *   traced signals N            answers N signals of a child, each awaited in ppoll()
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	    (512u << 10)
#define MAPPED	    (4u << 20)
#define FIRST_FD    3
#define LAST_FD	    64
#define CHILD_LIMIT 20 /* seconds: a lost signal ends the test, not the machine */

static long number_of(const char *key) {
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			n = strtol(line + strlen(key) + 1, NULL, 10);
	if (f)
		(void)fclose(f);
	return n;
}

static long faults(void) {
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

static __attribute__((noinline)) long stack_faults(void) {
	volatile char deep[DEPTH];
	long before = faults();

	for (size_t i = 0; i < sizeof(deep); i += 4096)
		deep[i] = 1;
	return faults() - before;
}

static __attribute__((noinline)) long clock_faults(void) {
	struct timespec t;
	long before = faults();

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return faults() - before;
}

static int open_descriptors(void) {
	int n = 0;

	for (int fd = FIRST_FD; fd < LAST_FD; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void tell_state(int argc) {
	long stack = stack_faults(), clock = clock_faults();

	printf("argc=%d\ntracer=%ld\nlocked=%ld\nsize=%ld\n", argc, number_of("TracerPid"),
		number_of("VmLck"), number_of("VmSize"));
	printf("dumpable=%d\nstack_faults=%ld\nclock_faults=%ld\ndescriptors=%d\n",
		prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), stack, clock, open_descriptors());
	printf("children=%d\n", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1);
	(void)fflush(stdout);
}

/* ---- waits ------------------------------------------------------------------------------------- */

static int wait_once(const char *how, long msec) {
	struct timespec t = { msec / 1000, msec % 1000 * 1000000 };
	int r = 0;

	if (strcmp(how, "epoll") == 0) {
		struct epoll_event event;

		r = epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, (int)msec);
	} else {
		r = nanosleep(&t, NULL);
	}
	printf("wait=%d\nerror=%d\nlate=%ld\n", r, r < 0 ? errno : 0, number_of("VmLck"));
	return 0;
}

static volatile sig_atomic_t n_signals;

static void count(int sig) {
	(void)sig;
	n_signals++;
}

/* Sends the next signal only once the last one was answered: a lost one is the last. The pause is short
 * enough to meet any step of a tracer at work, and long enough to let it begin. */
static void ask(int answers, pid_t whom, long n) {
	const struct timespec pause = { .tv_nsec = 100000 };
	char answer;

	(void)alarm(CHILD_LIMIT);
	for (long i = 0; i < n && nanosleep(&pause, NULL) == 0; i++)
		if (kill(whom, SIGUSR1) < 0 || read(answers, &answer, 1) != 1)
			_exit(1);
	_exit(0);
}

/* The signal is blocked but while ppoll() waits: none can come in between and be missed. */
static int answer_signals(long n) {
	struct sigaction action = { .sa_handler = count };
	pid_t parent = getpid(), child;
	sigset_t blocked, open_mask;
	int status, answers[2];

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, &open_mask);
	if (sigaction(SIGUSR1, &action, NULL) < 0 || pipe(answers) < 0 || (child = fork()) < 0)
		return 1;
	if (child == 0)
		ask(answers[0], parent, n);
	for (long i = 0; i < n; i++) {
		while (n_signals == i)
			if (ppoll(NULL, 0, NULL, &open_mask) == 0 ||
				waitpid(child, NULL, WNOHANG) != 0)
				return 1;
		if (write(answers[1], "x", 1) != 1)
			return 1;
	}
	printf("answered=%d\n", (int)n_signals);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

int main(int argc, char *argv[]) {
	char *mapped = mmap(
		NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mapped == MAP_FAILED)
		return 1;
	memset(mapped, 1, MAPPED);
	tell_state(argc);
	if (argc < 3)
		return 0;
	return strcmp(argv[1], "signals") == 0 ? answer_signals(atol(argv[2]))
					       : wait_once(argv[1], atol(argv[2]));
}
