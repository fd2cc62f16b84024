/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters of the kernel end with their last descriptor, and so does what an ended process leaves behind.
 * A manager that keeps copies (sd_notify: FDSTORE=1) carries both over our own end, in whatever way it
 * comes: counts go on without a gap, and an exit that nobody saw can still be read.
 *
 * FDPOLL=0: the manager would drop a descriptor that hangs up, and that's when it's worth most. What is
 * stored is taken out again at the end of the run. The notify socket isn't kept: with nobody to read it,
 * programs would block once it's full; gone, it refuses at once.
 *
 * A manager that doesn't read must not stop us: a message that finds no room waits a moment at most.
 */
#include "daemon/store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/manager.h"

#define FDS_PER_MESSAGE 128 /* the kernel allows 253 */
#define NAME_MAX_BYTES	128
#define PATIENCE_MSEC	100

static const char *const role_names[STORE_ROLE_MAX] = {
	[STORE_PIDFD] = "pidfd",
	[STORE_REPORT] = "report",
	[STORE_MINOR] = "minor",
	[STORE_MAJOR] = "major",
};

/* No name of a process has a slash in it. */
static const char *store_name(enum store_role role, const char *process, char buf[NAME_MAX_BYTES]) {
	(void)snprintf(buf, NAME_MAX_BYTES, "%s/%s", role_names[role], process);
	return buf;
}

/* ---- what came with our start ------------------------------------------------------------------------- */

void store_init(struct store *s) {
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*s = (struct store){ .present = getenv("NOTIFY_SOCKET") != NULL };
	if (n > 0)
		s->items = calloc((size_t)n, sizeof(*s->items));
	for (int i = 0; i < n; i++) {
		if (!s->items) {
			(void)close(SD_LISTEN_FDS_START + i);
			free(names[i]);
			continue;
		}
		s->items[s->n_items++] = (struct stored){ SD_LISTEN_FDS_START + i, names[i] };
	}
	free(names);
}

void store_done(struct store *s) {
	for (size_t i = 0; i < s->n_items; i++) {
		(void)close_fd(s->items[i].fd);
		free(s->items[i].name);
	}
	free(s->items);
	*s = (struct store){ .n_items = 0 };
}

int store_take(struct store *s, enum store_role role, const char *process) {
	char name[NAME_MAX_BYTES];

	(void)store_name(role, process, name);
	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].fd >= 0 && strcmp(s->items[i].name, name) == 0)
			return TAKE_FD(s->items[i].fd);
	return -ENOENT;
}

/* ---- telling the manager ------------------------------------------------------------------------------ */

static int connect_manager(void) {
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;

	if (fd < 0)
		return -errno;
	if (length < 2 || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (*path == '@') /* an abstract name */
		address.sun_path[0] = '\0';
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int send_patiently(int manager, const struct msghdr *message) {
	struct pollfd p = { .fd = manager, .events = POLLOUT };

	if (sendmsg(manager, message, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno != EAGAIN || poll(&p, 1, PATIENCE_MSEC) <= 0)
		return -EAGAIN;
	return sendmsg(manager, message, MSG_NOSIGNAL) >= 0 ? 0 : -errno;
}

static int send_message(int manager, const char *text, const int *fds, size_t n_fds) {
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_PER_MESSAGE)];
	} control = { .header = { .cmsg_len = 0 } };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > 0) {
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	return send_patiently(manager, &message);
}

static int send_fds(
	int manager, enum store_role role, const char *process, const int *fds, size_t n_fds) {
	char name[NAME_MAX_BYTES], text[NAME_MAX_BYTES + 32];
	int r = 0;

	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s",
		store_name(role, process, name));
	for (size_t i = 0; i < n_fds && r == 0; i += FDS_PER_MESSAGE)
		r = send_message(manager, text, fds + i,
			n_fds - i < FDS_PER_MESSAGE ? n_fds - i : FDS_PER_MESSAGE);
	return r;
}

/* The counters of one kind, of all tasks. */
static int send_counters(int manager, enum store_role role, const struct process *p) {
	const struct faults *f = &p->run->faults;
	enum fault_kind kind = role == STORE_MINOR ? FAULT_MINOR : FAULT_MAJOR;
	_cleanup_free_ int *fds = calloc(f->n_tasks + 1, sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_tasks; i++)
		fds[i] = f->counters[i * FAULT_KIND_MAX + (size_t)kind];
	return send_fds(manager, role, p->name, fds, f->n_tasks);
}

void store_run(struct process *p) {
	struct run *r = p->run;
	_cleanup_close_ int manager = -1;
	int k;

	if (!p->manager->store.present || r->stored)
		return;
	manager = connect_manager();
	k = manager < 0 ? manager : send_fds(manager, STORE_PIDFD, p->name, &r->pidfd, 1);
	if (k == 0 && r->report_fd >= 0)
		k = send_fds(manager, STORE_REPORT, p->name, &r->report_fd, 1);
	if (k == 0)
		k = send_counters(manager, STORE_MINOR, p);
	if (k == 0)
		k = send_counters(manager, STORE_MAJOR, p);
	r->stored = k == 0; /* else it's tried again with the next thorough look */
	if (k < 0)
		log_event(MESSAGE_PLAIN, LOG_DEBUG, p->name, NULL,
			"its descriptors can't be kept by the manager: %s", strerror(-k));
}

static void drop_role(int manager, const char *name) {
	char text[NAME_MAX_BYTES + 32];

	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	(void)send_message(manager, text, NULL, 0);
}

void store_drop(struct process *p) {
	char name[NAME_MAX_BYTES];
	_cleanup_close_ int manager = -1;

	if (!p->manager->store.present)
		return;
	manager = connect_manager();
	for (enum store_role role = 0; manager >= 0 && role < STORE_ROLE_MAX; role++)
		drop_role(manager, store_name(role, p->name, name));
}

void store_drop_others(
	struct store *s, bool (*keep)(const char *process, void *userdata), void *userdata) {
	_cleanup_close_ int manager = s->present && s->n_items > 0 ? connect_manager() : -1;

	for (size_t i = 0; i < s->n_items; i++) {
		const char *process = strchr(s->items[i].name, '/');

		if (s->items[i].fd < 0)
			continue;
		s->items[i].fd = close_fd(s->items[i].fd);
		if (manager >= 0 && (!process || !keep(process + 1, userdata)))
			drop_role(manager, s->items[i].name);
	}
}
