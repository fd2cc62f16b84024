/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of a process, for a later rtmemd: written before each step that can't be taken back, so that
 * whatever cuts us off, what is on disk is at worst one step behind, and never ahead. A pid alone is no
 * identity: the start time in clock ticks and the boot id make it one.
 */
#include "daemon/survive/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "daemon/log.h"
#include "libpolicy/names.h"

#define RECORD_DIRECTORY "processes"
#define BOOT_ID		 "/proc/sys/kernel/random/boot_id"
#define FOLLOW_USEC	 1000000u /* counts that move all the time are written this often */
#define FOLLOW_MAX	 4u /* the first ones of a while at once */

#define HASH_OFFSET 0xcbf29ce484222325ull /* FNV-1a, 64 bits */
#define HASH_PRIME  0x100000001b3ull

static int record_path(const struct process *p, char *buf, size_t size) {
	int n = snprintf(
		buf, size, "%s/" RECORD_DIRECTORY "/%s", p->manager->options->runtime_dir, p->name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int record_init(struct manager *m) {
	char path[PATH_MAX];

	int r = read_line_file(BOOT_ID, m->boot_id, sizeof(m->boot_id));

	snprintf(path, sizeof(path), "%s/" RECORD_DIRECTORY, m->options->runtime_dir);
	if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		log_error("can't prepare %s: %s", path, strerror(-r));
	return r;
}

static void collect_report(const struct run *r, struct record *ret) {
	ret->injection_wanted = r->injection_wanted;
	ret->sealed = r->seal.in_force;
	snprintf(ret->injection_cause, sizeof(ret->injection_cause), "%s",
		r->injection_cause ? r->injection_cause : "");
	ret->have_report = r->report != NULL;
	if (r->report)
		memcpy(&ret->report, r->report, offsetof(struct report, step));
}

static void collect_threads(const struct faults *f, struct record *ret) {
	for (size_t i = 0; i < f->n_threads && ret->n_threads < RECORD_THREADS_MAX; i++)
		if (f->threads[i].count.minor + f->threads[i].count.major > 0)
			ret->threads[ret->n_threads++] = f->threads[i];
}

/* /proc first: what comes before the counters are read is then in both, and nothing in neither. */
static void collect_counts(struct run *r, struct record *ret) {
	if (!r->ready || process_stat_read(r->pid, 0, &ret->stat, NULL) < 0 ||
		faults_since_ready(&r->faults, &ret->faults) < 0)
		return;
	ret->counted = true;
	ret->from_proc = r->faults.from_proc;
	ret->base = r->faults.base;
	ret->unwatched = r->unwatched;
	faults_name_threads(&r->faults);
	collect_threads(&r->faults, ret);
}

static void collect_told(const struct run *r, struct record *ret) {
	for (size_t i = 0; i < r->events.n_items; i++)
		ret->events[ret->n_events++] = r->events.items[i];
	ret->n_more_events = r->events.n_more;
	for (size_t i = 0; i < r->n_notes; i++)
		ret->notes[ret->n_notes++] = r->notes[i];
}

static void collect_run(struct run *r, struct record *ret) {
	ret->pid = r->pid;
	ret->start_ticks = r->start_ticks;
	ret->began_usec = r->began_usec;
	ret->plan_hash = r->plan_hash;
	ret->begun = r->begun;
	ret->ready = r->ready;
	ret->terminated = r->terminated;
	ret->cause = r->cause;
	ret->n_tasks = (uint32_t)r->faults.n_tasks;
	collect_report(r, ret);
	collect_counts(r, ret);
	collect_told(r, ret);
}

static void collect(struct process *p, struct record *ret) {
	memset(ret, 0, sizeof(*ret));
	ret->state = p->state;
	ret->wanted = p->wanted;
	ret->wanted_by = p->wanted_by;
	ret->waiting = p->waiting;
	ret->plan_hash = p->plan_hash;
	ret->history = p->history;
	ret->session = p->session;
	ret->n_restarts = p->n_restarts;
	ret->delay_until_usec = p->state == PROCESS_BACKOFF ? p->delay_until_usec : 0;
	snprintf(ret->failure, sizeof(ret->failure), "%s", p->failure ? p->failure : "");
	ret->kill_at_usec = p->state == PROCESS_STOPPING ? p->kill_at_usec : 0;
	ret->cause = p->ending.cause;
	if (p->run)
		collect_run(p->run, ret);
}

/* Not for the next boot, so nothing has to reach a disk: the kernel keeps what was written when we die.
 * One name that isn't a process's: what a killed daemon leaves of it is overwritten by the next. */
static int replace(const char *path, const char *name, const char *text) {
	char temporary[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	snprintf(temporary, sizeof(temporary), "%.*s.%s~", (int)(strlen(path) - strlen(name)), path,
		name);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temporary);
	return r;
}

static uint64_t hash_of(const char *text) {
	uint64_t hash = HASH_OFFSET;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * HASH_PRIME;
	return hash;
}

/* What was counted when it was written last, for record_follow(). */
static void remember(struct process *p, const struct record *record) {
	struct run *r = p->run;

	if (!r)
		return;
	r->recorded_stat = record->stat;
	r->recorded = record->faults;
	r->recorded_events = events_count(&r->events);
}

int record_write(struct process *p) {
	char path[PATH_MAX], text[RECORD_MAX_BYTES];
	struct record record;
	uint64_t hash;
	int r = record_path(p, path, sizeof(path));

	if (r < 0)
		return r;
	collect(p, &record);
	memcpy(record.boot_id, p->manager->boot_id, sizeof(record.boot_id));
	record_format(&record, text);
	hash = hash_of(text);
	if (hash == p->record_hash)
		return 0;
	r = replace(path, p->name, text);
	p->record_hash = r == 0 ? hash : 0;
	remember(p, &record);
	return r;
}

void record_write_late(struct process *p) {
	int r = record_write(p);

	if (r < 0)
		log_event(MESSAGE_PLAIN, LOG_WARNING, p->name, NULL,
			"can't write its record, so a restarted rtmemd couldn't adopt it: %s",
			strerror(-r));
}

static bool differs(const struct fault_count *a, const struct fault_count *b) {
	return a->minor != b->minor || a->major != b->major;
}

static bool may_follow(struct run *r, uint64_t now) {
	uint64_t n = (now - r->follow_usec) / FOLLOW_USEC;

	if (n > 0) {
		r->n_follow = n < FOLLOW_MAX - r->n_follow ? r->n_follow + (unsigned)n : FOLLOW_MAX;
		r->follow_usec = now;
	}
	if (r->n_follow == 0)
		return false;
	r->n_follow--;
	return true;
}

void record_follow(struct process *p, bool thorough) {
	struct run *r = p->run;
	struct fault_count now;

	if (!r->ready)
		return;
	if ((differs(&r->since_ready, &r->recorded) ||
		    events_count(&r->events) != r->recorded_events ||
		    (thorough && process_stat_read(r->pid, 0, &now, NULL) == 0 &&
			    differs(&now, &r->recorded_stat))) &&
		may_follow(r, process_now(p)))
		record_write_late(p);
}

void record_remove(struct process *p) {
	char path[PATH_MAX];

	if (record_path(p, path, sizeof(path)) == 0)
		(void)unlink(path);
	p->record_hash = 0;
}

int record_read(const struct process *p, struct record *ret) {
	char path[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	int r = record_path(p, path, sizeof(path));

	if (r == 0)
		r = read_file(path, RECORD_MAX_BYTES, &text, NULL);
	if (r == -EFBIG) /* none that we wrote */
		r = -EBADMSG;
	if (r == 0)
		r = record_parse(text, ret);
	if (r < 0)
		return r;
	return strcmp(p->manager->boot_id, ret->boot_id) == 0 ? 0 : -ESTALE;
}

void record_each(struct manager *m, void (*fn)(struct manager *m, char *name)) {
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/" RECORD_DIRECTORY, m->options->runtime_dir);
	directory = opendir(path);
	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (process_name_is_valid(entry->d_name))
			fn(m, entry->d_name);
	(void)closedir(directory);
}
