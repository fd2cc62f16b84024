/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node that behaves as the ROS 2 example `minimal_memory_lock` does: middleware-like threads, a base
 * of 11 MB, and a timer in whose callback memory is allocated, touched and freed. Each cycle prints how
 * many page faults are new. Unlike the example it does nothing about memory by itself: no mlockall, no
 * mallopt, no stack size. Locking is the policy's business, which is the point of it.
 *
 * Knows nothing of rtmem; it speaks sd_notify by hand, as any program may.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MIB	      (1024UL * 1024UL)
#define BASE_BYTES    (11 * MIB)
#define SETTLE_MSEC   500 /* the example waits as long for the middleware's threads */
#define LATE_MSEC     40 /* with --no-wait the threads come one by one */
#define MESSAGE_BYTES 1000 /* what a middleware thread allocates when it starts */

static struct {
	unsigned long allocate_mib;
	unsigned long threads;
	unsigned long period_msec;
	unsigned long cycles; /* 0: until a signal */
	bool wait;
} options = { .threads = 9, .period_msec = 500, .wait = true };

static volatile sig_atomic_t stop;

struct faults {
	long minor;
	long major;
};

static struct faults faults_now(void) {
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct faults){ usage.ru_minflt, usage.ru_majflt };
}

/* Resident memory in MB. Not ru_maxrss: that is a peak, and survives exec. */
static long resident_mib(void) {
	long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return -1;
	if (fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE) / (long)MIB;
}

static void sleep_msec(unsigned long msec) {
	struct timespec t = { .tv_sec = (time_t)(msec / 1000),
		.tv_nsec = (long)(msec % 1000) * 1000000L };

	while (!stop && nanosleep(&t, &t) < 0 && errno == EINTR) {
	}
}

static void touch(volatile char *memory, size_t n_bytes) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < n_bytes; i += page)
		memory[i] = 1;
}

static void notify_ready(void) {
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;
	int fd;

	if (!path || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		perror("minimal-memory-lock: READY=1");
	close(fd);
}

/* A thread of the middleware: allocates a message, then waits for what never comes. */
static void *middleware_thread(void *data) {
	char *message = malloc(MESSAGE_BYTES);

	if (message)
		touch(message, MESSAGE_BYTES);
	while (!stop)
		pause();
	free(message);
	return data;
}

/* With --no-wait, threads are created over time by a thread of their own, as discovery does. */
static void *late_starter(void *data) {
	for (unsigned long i = 0; i < options.threads && !stop; i++) {
		pthread_t t;

		sleep_msec(LATE_MSEC);
		if (pthread_create(&t, NULL, middleware_thread, NULL))
			fprintf(stderr, "minimal-memory-lock: thread %lu refused\n", i);
	}
	return data;
}

static char *create_node(void) {
	char *base = malloc(BASE_BYTES);
	pthread_t t;

	if (!base)
		return NULL;
	touch(base, BASE_BYTES);
	if (!options.wait) {
		if (pthread_create(&t, NULL, late_starter, NULL))
			return NULL;
		return base;
	}
	for (unsigned long i = 0; i < options.threads; i++) {
		int r = pthread_create(&t, NULL, middleware_thread, NULL);

		if (r) {
			fprintf(stderr, "minimal-memory-lock: thread %lu: %s\n", i, strerror(r));
			return NULL;
		}
	}
	sleep_msec(SETTLE_MSEC);
	return base;
}

static void timer_callback(struct faults *seen) {
	struct faults now;

	if (options.allocate_mib > 0) {
		char *block = malloc(options.allocate_mib * MIB);

		if (!block) {
			fprintf(stderr, "minimal-memory-lock: no memory for %lu MB\n",
				options.allocate_mib);
			return;
		}
		touch(block, options.allocate_mib * MIB);
		free(block);
	}
	now = faults_now();
	printf("[%s] New page faults during spin: [minor: %ld, major: %ld]\n",
		now.minor - seen->minor || now.major - seen->major ? "WARN" : "INFO",
		now.minor - seen->minor, now.major - seen->major);
	fflush(stdout);
	*seen = now;
}

static void spin(void) {
	struct faults seen = faults_now();

	for (unsigned long i = 0; !stop && (options.cycles == 0 || i < options.cycles); i++) {
		sleep_msec(options.period_msec);
		if (!stop)
			timer_callback(&seen);
	}
}

static void on_signal(int signal_number) {
	(void)signal_number;
	stop = 1;
}

static void usage(FILE *f) {
	fprintf(f,
		"usage: minimal-memory-lock [OPTION]...\n"
		"  --allocate-in-node MB  allocate, touch and free this much in each cycle\n"
		"  --no-wait              spin at once; the middleware's threads come later\n"
		"  --threads N            middleware-like threads (9)\n"
		"  --period MS            length of a cycle (500)\n"
		"  --cycles N             end after N cycles (0: run until a signal)\n");
}

static unsigned long number(const char *text) {
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || n > INT_MAX) {
		fprintf(stderr, "minimal-memory-lock: not a number: %s\n", text);
		exit(2);
	}
	return n;
}

static void parse_options(int argc, char **argv) {
	static const struct option table[] = {
		{ "allocate-in-node", required_argument, NULL, 'a' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ "threads", required_argument, NULL, 't' },
		{ "period", required_argument, NULL, 'p' },
		{ "cycles", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		switch (c) {
		case 'a':
			options.allocate_mib = number(optarg);
			break;
		case 'n':
			options.wait = false;
			break;
		case 't':
			options.threads = number(optarg);
			break;
		case 'p':
			options.period_msec = number(optarg);
			break;
		case 'c':
			options.cycles = number(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv) {
	struct sigaction action = { .sa_handler = on_signal };
	struct faults f;
	char *node;

	parse_options(argc, argv);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	printf("Process memory before node creation: %ld MB\n", resident_mib());
	node = create_node();
	if (!node)
		return 1;
	f = faults_now();
	printf("Process memory before spin: %ld MB\n", resident_mib());
	printf("Total page faults before spin [Minor: %ld, Major: %ld]\n", f.minor, f.major);
	fflush(stdout);

	notify_ready();
	spin();

	f = faults_now();
	printf("Process memory after spin: %ld MB\n", resident_mib());
	printf("Total page faults after spin [Minor: %ld, Major: %ld]\n", f.minor, f.major);
	free(node);
	return 0;
}
