/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An execve takes every lock away, so whatever is executed counts, the same file again included. Of a
 * new process the kernel doesn't say how it was made: fork() breaks the parent's guarantee, posix_spawn()
 * and vfork() don't. The library inside knows, and is believed. Beside it, a child that is found to run its
 * parent's program in memory of its own was forked; any other is only mentioned, and only where there's no
 * library: if it was a fork, faults will tell.
 */
#include "daemon/watch/witness.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/io.h"
#include "daemon/log.h"

static bool read_image(pid_t pid, struct image *ret) {
	char path[32];
	struct statx st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	/* as it's known here: whoever serves the file system (FUSE) isn't asked, nor waited for */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &st) < 0)
		return false;
	*ret = (struct image){ .known = true,
		.device = makedev(st.stx_dev_major, st.stx_dev_minor),
		.inode = (ino_t)st.stx_ino };
	return true;
}

static bool same_image(const struct image *a, const struct image *b) {
	return a->known && b->known && a->device == b->device && a->inode == b->inode;
}

void witness_begin(struct process *p) {
	(void)read_image(p->run->pid, &p->run->image);
}

static void executed(struct process *p, const char *again) {
	struct run *r = p->run;
	char link[32], target[EVENT_TEXT_MAX - 96], text[EVENT_TEXT_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)r->pid);
	n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(text, sizeof(text), "executed %s%s: an execve takes every lock away",
		target[0] ? make_printable(target) : "another program", again);
	events_add(&r->events, "exec", "", r->ready, 1, text);
	(void)read_image(r->pid, &r->image);
}

void witness_look(struct process *p) {
	struct run *r = p->run;
	struct image now;

	if (r->image.known && read_image(r->pid, &now) && !same_image(&r->image, &now))
		executed(p, "");
}

static bool library_tells(const struct run *r) {
	return r->report && r->report->injection != REPORT_BY_PTRACE && r->report_fd >= 0;
}

/* Its parent's program in memory of its own. A child of vfork() has its parent's memory until it executes
 * something else. */
static bool was_forked(const struct run *r, pid_t child) {
	struct image image;

	return read_image(child, &image) && same_image(&r->image, &image) &&
		syscall(SYS_kcmp, r->pid, child, KCMP_VM, 0, 0) > 0;
}

static void made_process(struct process *p, const struct ring_record *record) {
	struct run *r = p->run;
	char path[64], thread[32], text[EVENT_TEXT_MAX];
	bool forked;

	if (p->policy->fork == FORK_ALLOW || p->policy->fork == FORK_PRECOPY)
		return; /* of the second kind the library takes care, and says if it can't */
	forked = was_forked(r, record->child);
	if (library_tells(r) && r->n_forks_told > 0) {
		r->n_forks_told--;
		return;
	}
	if (library_tells(r) && !forked)
		return;
	if (library_tells(r) && r->fork_placed) { /* it tells of the first ones only */
		events_add(&r->events, "fork", "", true, 1, NULL);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)r->pid, (int)record->tid);
	if (read_line_file(path, thread, sizeof(thread)) < 0)
		snprintf(thread, sizeof(thread), "(ended)");
	snprintf(text, sizeof(text), "thread %s (tid %d) made process %d%s", make_printable(thread),
		(int)record->tid, (int)record->child,
		forked ? ": what it writes next is copied page by page"
		       : "; if by fork(), what it writes next faults page by page");
	events_add(&r->events, forked ? "fork" : "child", "", true, 1, text);
}

void witness_record(struct process *p, const struct ring_record *record) {
	struct run *r = p->run;
	struct image now;

	if (!r->ready || !r->image.known)
		return;
	if (record->kind == RING_EXEC)
		executed(
			p, read_image(r->pid, &now) && same_image(&r->image, &now) ? " again" : "");
	else
		made_process(p, record);
}
