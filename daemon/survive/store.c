/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters of the kernel end with their last descriptor, and so does what an ended process leaves behind.
 * A manager that keeps copies (sd_notify: FDSTORE=1) carries both over our own end, in whatever way it
 * comes: counts go on without a gap, and an exit that nobody saw can still be read.
 *
 * One message for each run, under the name of the process; what is what shows when it comes back. Counters
 * have ids, which grow: those of a pair follow one another, minor first, as they were made.
 *
 * FDPOLL=0: the manager would drop a descriptor that hangs up, and that's when it's worth most. What is
 * stored is taken out again at the end of the run. The notify socket isn't kept: with nobody to read it,
 * programs would block once it's full; gone, it refuses at once.
 */
#include "daemon/survive/store.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/upward.h"

#define MESSAGE_MAX 128

/* ---- what came with our start ------------------------------------------------------------------------- */

void store_init(struct store *s) {
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*s = (struct store){ .n_items = 0 };
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

struct counter {
	uint64_t id;
	int fd;
};

static int compare_ids(const void *a, const void *b) {
	const struct counter *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Fills counters; false when they aren't those that there have to be. */
static bool pair(struct counter *all, size_t n, size_t n_tasks, struct kept *ret) {
	if (n == 0 || n != n_tasks * FAULT_KIND_MAX)
		return false;
	ret->counters = calloc(n, sizeof(*ret->counters));
	if (!ret->counters)
		return false;
	qsort(all, n, sizeof(*all), compare_ids);
	for (size_t i = 0; i < n; i++)
		ret->counters[i] = all[i].fd;
	ret->n_tasks = n_tasks;
	return true;
}

static void sort_out(int fd, struct kept *ret, struct counter *counters, size_t *n_counters) {
	struct stat st;
	uint64_t id;

	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0) {
		counters[(*n_counters)++] = (struct counter){ id, fd };
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
		(void)close_fd(ret->report_fd);
		ret->report_fd = fd;
		return;
	}
	(void)close_fd(ret->pidfd);
	ret->pidfd = fd;
}

void store_take(struct store *s, const char *process, size_t n_tasks, struct kept *ret) {
	_cleanup_free_ struct counter *counters = NULL;
	size_t n_counters = 0;

	*ret = (struct kept){ .pidfd = -1, .report_fd = -1 };
	if (s->n_items == 0)
		return;
	counters = calloc(s->n_items, sizeof(*counters));
	if (!counters)
		return;
	for (size_t i = 0; i < s->n_items; i++)
		if (s->items[i].fd >= 0 && strcmp(s->items[i].name, process) == 0)
			sort_out(TAKE_FD(s->items[i].fd), ret, counters, &n_counters);
	if (!pair(counters, n_counters, n_tasks, ret))
		for (size_t i = 0; i < n_counters; i++)
			(void)close_fd(counters[i].fd);
}

void kept_drop_others(struct kept *k) {
	k->report_fd = close_fd(k->report_fd);
	for (size_t i = 0; i < k->n_tasks * FAULT_KIND_MAX; i++)
		(void)close_fd(k->counters[i]);
	free(TAKE(k->counters));
	k->n_tasks = 0;
}

void kept_done(struct kept *k) {
	kept_drop_others(k);
	k->pidfd = close_fd(k->pidfd);
}

/* ---- what the manager keeps --------------------------------------------------------------------------- */

static int collect(const struct run *r, int **ret) {
	size_t n_counters = r->faults.n_tasks * FAULT_KIND_MAX, n = 0;
	int *fds = calloc(n_counters + 2, sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	fds[n++] = r->pidfd;
	if (r->report_fd >= 0)
		fds[n++] = r->report_fd;
	for (size_t i = 0; i < n_counters; i++)
		fds[n++] = r->faults.counters[i];
	*ret = fds;
	return (int)n;
}

static int send_all(const char *process, const int *fds, size_t n) {
	char text[MESSAGE_MAX];
	int r = 0;

	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", process);
	for (size_t i = 0; i < n && r == 0; i += UPWARD_FDS_MAX)
		r = upward_send(text, fds + i, n - i < UPWARD_FDS_MAX ? n - i : UPWARD_FDS_MAX);
	return r;
}

void store_run(struct process *p) {
	_cleanup_free_ int *fds = NULL;
	int n, r;

	if (p->run->stored || !upward_is_wanted())
		return;
	n = collect(p->run, &fds);
	r = n < 0 ? n : send_all(p->name, fds, (size_t)n);
	p->run->stored = r == 0; /* else it's tried again once it's ready */
	if (r < 0)
		log_event(MESSAGE_PLAIN, LOG_DEBUG, p->name, NULL,
			"its descriptors can't be kept by the manager: %s", strerror(-r));
}

void store_drop(const char *process) {
	(void)upward_tell("FDSTOREREMOVE=1\nFDNAME=%s", process);
}

void store_drop_others(
	struct store *s, bool (*keep)(const char *process, void *userdata), void *userdata) {
	for (size_t i = 0; i < s->n_items; i++) {
		if (s->items[i].fd < 0)
			continue;
		s->items[i].fd = close_fd(s->items[i].fd);
		if (!keep(s->items[i].name, userdata))
			store_drop(s->items[i].name);
	}
}
