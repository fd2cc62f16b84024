/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rtmem-hold PATTERN...: keeps files in memory. Locks them, says READY=1 and sleeps; wakes up only when
 * one of their directories changes. rtmemd runs it for `host.lock_files` like any managed process.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "hold/files.h"
#include "hold/watch.h"

#define REFRESH_DELAY_MS 2000 /* replacing a package takes many renames */

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
	char text[512], amount[UNITS_TEXT_MAX];

	snprintf(text, sizeof(text), "%sSTATUS=%zu file%s, %s locked%s%s\n", prefix, h->n_items,
		h->n_items == 1 ? "" : "s", format_size_rounded(h->bytes, amount),
		*h->problem ? "; " : "", h->problem);
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

/* Sleeps until something changes, then until it has been quiet for a moment. */
static int hold(struct held *h, struct watch *w, char *const *patterns) {
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	bool due = false;
	int r;

	for (;;) {
		unsigned events;

		r = poll(&p, 1, due ? REFRESH_DELAY_MS : -1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0) {
			r = refresh(h, w, patterns, "");
			if (r < 0)
				return r;
			/* what the refresh itself looked at isn't a change */
			(void)watch_read(w);
			due = false;
			continue;
		}
		events = watch_read(w);
		due |= (events & WATCH_FILES) != 0;
		if (events & WATCH_SOCKET)
			tell(h, "");
	}
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
