/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who stems from whom is told by the kernel (/proc/PID/task/TID/children), without a look at any other
 * process. The list of those found is the queue of those whose own children are still to be found.
 */
#include "daemon/watch/children.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "daemon/log.h"
#include "host/process.h"

void children_done(struct children *c) {
	free(c->items);
	*c = (struct children){ .n_items = 0 };
}

static bool is_young(pid_t pid) {
	struct fault_count unused;
	uint64_t start_ticks, ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	if (process_stat_read(pid, 0, &unused, &start_ticks) < 0 ||
		clock_gettime(CLOCK_BOOTTIME, &now) < 0)
		return true;
	return (uint64_t)now.tv_sec < start_ticks / ticks + 2;
}

/* False for one that has ended, or that nobody has collected yet. */
static bool describe(pid_t pid, struct child *ret) {
	_cleanup_close_ int status = -1;
	struct process_memory memory;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = open(path, O_RDONLY | O_CLOEXEC);
	if (status < 0 || process_memory_read(status, &memory) < 0)
		return false;
	*ret = (struct child){ .pid = pid, .locked_bytes = memory.locked_bytes };
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (read_line_file(path, ret->name, sizeof(ret->name)) < 0)
		return false;
	(void)make_printable(ret->name);
	ret->young = is_young(pid);
	return true;
}

static int take(pid_t pid, void *userdata) {
	struct children *c = userdata;
	struct child found, *grown;

	if (!describe(pid, &found))
		return 0;
	if (c->n_items == CHILDREN_MAX) {
		c->more = true;
		return 1;
	}
	grown = realloc(c->items, (c->n_items + 1) * sizeof(*grown));
	if (!grown)
		return 1;
	c->items = grown;
	c->items[c->n_items++] = found;
	return 0;
}

void children_look(struct children *c, pid_t pid) {
	children_done(c);
	(void)process_children(pid, take, c);
	for (size_t i = 0; i < c->n_items && !c->more; i++)
		(void)process_children(c->items[i].pid, take, c);
}

const struct child *children_unlocked(const struct children *c) {
	for (size_t i = 0; i < c->n_items; i++)
		if (c->items[i].locked_bytes == 0 && !c->items[i].young)
			return &c->items[i];
	return NULL;
}
