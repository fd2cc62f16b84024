/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A managed process that means harm: it finds the socket on which its library reports and everything
 * else that leads to rtmemd, and writes to them what doesn't belong there. Then it waits.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/handoff.h"

#define N_REPORTS	20000
#define N_NOTIFICATIONS 4000
#define N_CHILDREN	1000

static unsigned char garbage[64 << 10];

static int report_socket(void) {
	for (int fd = 3; fd < 256; fd++) {
		int type;
		socklen_t size = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			type == SOCK_SEQPACKET)
			return fd;
	}
	return -1;
}

static void throw(int fd, const void *data, size_t size) {
	(void)send(fd, data, size, MSG_NOSIGNAL);
}

/* Every kind, with texts that don't end, and numbers that flatter. */
static void forge(int fd) {
	struct report r;

	memset(&r, 0xff, sizeof(r));
	r.magic = REPORT_MAGIC;
	r.version = REPORT_VERSION;
	for (unsigned kind = 0; kind <= REPORT_KIND_MAX + 1u; kind++) {
		r.kind = (uint16_t)kind;
		memset(r.text, kind % 2 ? '\033' : '%', sizeof(r.text));
		memset(r.step, '\n', sizeof(r.step));
		throw(fd, &r, sizeof(r));
	}
}

static void attack_report(void) {
	int fd = report_socket();

	if (fd < 0) {
		puts("hostile: no report socket");
		return;
	}
	puts("hostile: report socket found");
	forge(fd);
	throw(fd, garbage, 1);
	throw(fd, garbage, sizeof(garbage));
	for (int i = 0; i < N_REPORTS; i++)
		throw(fd, garbage, sizeof(struct report) - (size_t)(i % 2));
	for (int i = 0; i < 64; i++)
		forge(fd);
	throw(fd, garbage, 0); /* looks like the end */
}

static void attack_notify(const char *path, int n) {
	static const char *const lines[] = { "READY=1", "READY=1\nREADY=1", "\n\n\n", "=",
		"EXTEND_TIMEOUT_USEC=99999999999999999999999", "STATUS=\033[2J%s%n", "FDSTORE=1" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return;
	for (int i = 0; i < n; i++)
		throw(fd, garbage, (size_t)i % 8192);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		throw(fd, lines[i], strlen(lines[i]));
}

/* Another's name, and text that would clear an operator's terminal. Children, too many to be looked at one by
 * one; all of them say that they are ready. */
static void crowd(const char *notify) {
	(void)prctl(PR_SET_NAME, "good\033[2J\n%n");
	for (int i = 0; i < N_CHILDREN; i++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid > 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (i % 10 == 0)
			attack_notify(notify, 10);
		for (;;)
			pause();
	}
}

static void close_report(const char *unused) {
	(void)close(report_socket());
}

/* Full of what the other side won't read: it has stopped listening. */
static void fill_report(const char *unused) {
	int fd = report_socket();

	while (fd >= 0 && send(fd, garbage, 4096, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
}

static const struct {
	const char *word;
	void (*fn)(const char *notify);
} deeds[] = {
	{ "crowd", crowd },
	{ "close-report", close_report },
	{ "fill-report", fill_report },
};

static void do_deed(const char *word, const char *notify) {
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].word, word) == 0)
			deeds[i].fn(notify);
}

/* hostile NOTIFY-SOCKET [DEED] */
int main(int argc, char *argv[]) {
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (unsigned char)(i * 2654435761u >> 24);
	if (argc > 2) {
		do_deed(argv[2], argv[1]);
	} else {
		attack_report();
		if (argc > 1)
			attack_notify(argv[1], N_NOTIFICATIONS);
	}
	puts("hostile: done");
	(void)fflush(stdout);
	for (;;)
		pause();
}
