/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A package that's upgraded replaces its files: the new ones want locking as well. */
#include "hold/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CHANGES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)

static int add_directory_of(struct watch *w, const char *path) {
	char directory[PATH_MAX];
	char *slash;

	if (snprintf(directory, sizeof(directory), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	slash = strrchr(directory, '/');
	if (!slash)
		return -EINVAL;
	slash[slash == directory] = '\0';
	return inotify_add_watch(w->fd, directory, CHANGES);
}

int watch_init(struct watch *w, const char *notify_socket) {
	*w = (struct watch){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .notify_wd = -1 };
	if (w->fd < 0)
		return -errno;
	if (notify_socket && notify_socket[0] == '/') {
		w->notify_wd = add_directory_of(w, notify_socket);
		snprintf(w->notify_name, sizeof(w->notify_name), "%s",
			strrchr(notify_socket, '/') + 1);
	}
	return 0;
}

void watch_update(struct watch *w, const struct held *h, char *const *patterns) {
	for (size_t i = 0; patterns[i]; i++)
		(void)add_directory_of(w, patterns[i]);
	for (size_t i = 0; i < h->n_items; i++)
		(void)add_directory_of(w, h->items[i].path);
}

unsigned watch_read(struct watch *w) {
	_Alignas(struct inotify_event) char buf[4096];
	unsigned mask = 0;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) > 0)
		for (const char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)
				p;

			if (e->wd != w->notify_wd)
				mask |= WATCH_FILES;
			else if (e->len > 0 && (e->mask & IN_CREATE) &&
				strcmp(e->name, w->notify_name) == 0)
				mask |= WATCH_SOCKET;
			p += sizeof(*e) + e->len;
		}
	return mask;
}
