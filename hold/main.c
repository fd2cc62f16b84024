/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmem-hold PATTERN...: keeps files in memory. Locks them, says READY=1 and sleeps; wakes up only when
 * one of their directories changes. rtmemd runs it for `host.lock_files` like any managed process.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "hold/files.h"
#include "hold/watch.h"

#define QUIET_MS    1000 /* replacing a package takes many renames */
#define PATIENCE_MS 10000 /* where it is never quiet */

static void notify(const char *text) {
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t len;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/');
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL,
			(const struct sockaddr *)&address, (socklen_t)len);
}

static void tell(const struct held *h, const char *prefix) {
	char text[512 + HELD_PATTERNS_MAX * HELD_WORD_MAX], amount[UNITS_TEXT_MAX];
	char held[HELD_PATTERNS_MAX * HELD_WORD_MAX] = "";

	for (size_t i = 0; i < h->n_patterns; i++)
		held_format(&h->patterns[i], held, sizeof(held));
	snprintf(text, sizeof(text), "%sSTATUS=%zu file%s, %s locked%s%s\n" HELD_KEY "%s\n", prefix,
		h->n_items, h->n_items == 1 ? "" : "s", format_size_rounded(h->bytes, amount),
		*h->problem ? "; " : "", h->problem, held);
	notify(text);
	if (*h->problem)
		fprintf(stderr, "rtmem-hold: %s\n", h->problem);
}

static int refresh(struct held *h, struct watch *w, char *const *patterns, const char *prefix) {
	int r = held_refresh(h, patterns);

	if (r < 0)
		return r;
	watch_update(w, h, patterns);
	tell(h, prefix);
	return 0;
}

static int64_t now_ms(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct due {
	unsigned events; /* what has happened and is still to be answered */
	int64_t latest_ms;
};

static void collect(struct watch *w, struct due *due) {
	unsigned events = watch_read(w);

	if (due->events == 0 && events != 0)
		due->latest_ms = now_ms() + PATIENCE_MS;
	due->events |= events;
}

/* A new listener may still be setting up its socket when that appears: it's told when all is quiet. */
static int answer(struct held *h, struct watch *w, char *const *patterns, struct due *due) {
	unsigned events = due->events;

	due->events = 0;
	if (events & WATCH_FILES)
		return refresh(h, w, patterns, "");
	tell(h, "");
	return 0;
}

/* Sleeps until something changes, then until it has been quiet for a moment, if it ever is. */
static int hold(struct held *h, struct watch *w, char *const *patterns) {
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct due due = { .events = 0 };
	int r = 0;

	while (r >= 0) {
		r = poll(&p, 1, due.events ? QUIET_MS : -1);
		if (r < 0)
			r = errno == EINTR ? 0 : -errno;
		else if (r > 0)
			collect(w, &due);
		if (r >= 0 && due.events && (r == 0 || now_ms() >= due.latest_ms))
			r = answer(h, w, patterns, &due);
	}
	return r;
}

int main(int argc, char *argv[]) {
	struct held held = { .n_items = 0 };
	struct watch watch;
	int r;

	if (argc < 2 || argv[1][0] != '/') {
		fprintf(stderr,
			"usage: rtmem-hold PATTERN...: keeps files in memory; absolute "
			"paths, with * and ?\n");
		return 2;
	}
	r = watch_init(&watch, getenv("NOTIFY_SOCKET"));
	if (r == 0)
		r = refresh(&held, &watch, argv + 1, "READY=1\n");
	if (r == 0)
		r = hold(&held, &watch, argv + 1);
	fprintf(stderr, "rtmem-hold: %s\n", strerror(-r));
	held_done(&held);
	return 1;
}
