/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections: the count of faults before and after. What a section that faulted has to tell goes to the
 * daemon in one datagram, without waiting; the harm to its deadline is done by then, and is not to grow,
 * so there is a limit to how often. What couldn't be told is added to the next.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/names.h"
#include "librtmem/internal.h"

#define TELL_EVERY_USEC UINT64_C(100000)
#define MESSAGE_MAX	256

/* Opened while threads are prepared; the environment is read then, too. */
static struct {
	pthread_once_t once;
	int fd;
	const char *path; /* NULL = nobody to tell */
} daemon_socket = { PTHREAD_ONCE_INIT, -1, NULL };

static void open_socket(void) {
	const char *path = secure_getenv(RTMEM_ENV_SOCKET);

	if (!path || !*path)
		return;
	daemon_socket.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon_socket.fd >= 0)
		daemon_socket.path = strdup(path);
}

void untold_prepare(void) {
	(void)pthread_once(&daemon_socket.once, open_socket);
}

static uint64_t now_usec(void) {
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

void untold_flush(struct counters *c) {
	struct untold *u = &c->untold;
	char message[MESSAGE_MAX];
	int len;

	if ((!u->minor && !u->major) || !daemon_socket.path)
		return;
	len = snprintf(message, sizeof(message),
		"X_RTMEM_SECTION=%s\nX_RTMEM_MINOR=%" PRIu64 "\nX_RTMEM_MAJOR=%" PRIu64
		"\nX_RTMEM_TID=%d\n",
		u->name, u->minor, u->major, (int)c->tid);
	u->told_usec = now_usec();
	if (send_message(daemon_socket.fd, daemon_socket.path, message, (size_t)len) == 0)
		u->minor = u->major = 0;
}

static bool same_name(const struct untold *u, const char *name) {
	return strncmp(u->name, name, sizeof(u->name) - 1) == 0;
}

static void note_name(struct untold *u, const char *name) {
	size_t i;

	for (i = 0; i < sizeof(u->name) - 1 && name[i]; i++)
		u->name[i] = name[i] == '\n' || name[i] == '\r' ? ' ' : name[i];
	u->name[i] = '\0';
}

static void note(struct counters *c, const struct rtmem_section *s) {
	struct untold *u = &c->untold;
	const char *name = s->name ? s->name : "";

	if ((u->minor || u->major) && !same_name(u, name))
		untold_flush(c);
	note_name(u, name);
	u->minor += s->faults.minor;
	u->major += s->faults.major;
	if (now_usec() - u->told_usec >= TELL_EVERY_USEC)
		untold_flush(c);
}

int rtmem_section_begin(struct rtmem_section *s, const char *name) {
	struct counters *c = counters_get();

	*s = (struct rtmem_section){ .name = name };
	if (unlikely(!c))
		return -errno;
	if (unlikely(c->untold.minor || c->untold.major) &&
		now_usec() - c->untold.told_usec >= TELL_EVERY_USEC)
		untold_flush(c);
	s->faults.source = c->source;
	counters_read(c, &s->faults.minor, &s->faults.major);
	return 0;
}

int rtmem_section_end(struct rtmem_section *s) {
	struct counters *c;
	uint64_t minor, major;

	if (unlikely(s->faults.source == RTMEM_FAULTS_UNKNOWN))
		return -ENODATA;
	c = counters_get();
	if (unlikely(!c))
		return -errno;
	counters_read(c, &minor, &major);
	s->faults.minor = minor - s->faults.minor;
	s->faults.major = major - s->faults.major;
	if (likely(!s->faults.minor && !s->faults.major))
		return 0;
	note(c, s);
	return 1;
}
