/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf's events on raw_syscalls, filtered by number in the kernel: the beginning of a call has its
 * arguments, its end (the only part of a denied call that can be seen) its result. One event per CPU,
 * inherited by threads; each call leaves a record in rings of their own, so that a program that maps all
 * day costs nobody else's faults their record. An event also counts: what it counted beyond the records
 * was lost, and is said to be.
 */
#include "daemon/watch/calls.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "daemon/confine/hands.h"
#include "daemon/log.h"
#include "host/process.h"

#define EVENTS_OF_CALLS_MAX 1024 /* descriptors for one process */
#define ATTACH_ROUNDS	    8

/* ---- the machine ------------------------------------------------------------------------------- */

static int look_up(void *userdata) {
	struct tracing *t = userdata;
	int r = tracepoint_find("raw_syscalls/sys_enter", "unsigned long args[6]", &t->asks);

	return r < 0 ? r : tracepoint_find("raw_syscalls/sys_exit", "long ret", &t->ends);
}

/* A file system that isn't mounted takes more rights than rtmemd's loop has. */
void tracing_init(struct tracing *t, struct hands *hands) {
	if (t->tried)
		return;
	t->tried = true;
	t->error = hands_do(hands, look_up, t);
	if (t->error < 0)
		return;
	rings_init(&t->rings, true, hands);
	t->error = t->rings.error;
}

void tracing_done(struct tracing *t) {
	if (t->tried)
		rings_done(&t->rings);
	*t = (struct tracing){ .tried = false };
}

/* ---- attaching --------------------------------------------------------------------------------- */

/* By the hands themselves. */
static int open_event(const struct calls *c, pid_t tid, const struct ring *ring) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.config = c->tracepoint->id,
		.sample_period = 1,
		.sample_type = RING_CALL_SAMPLE,
		.disabled = 1,
		.inherit = 1,
		.inherit_thread = 1,
	};
	char filter[SEAL_NUMBERS_TEXT_MAX];
	_cleanup_close_ int fd = -1;
	int r = seal_numbers(filter, sizeof(filter));

	if (r < 0)
		return r;
	fd = perf_open(NULL, &attr, tid, ring->cpu);
	if (fd == -EINVAL ||
		fd == -E2BIG) { /* before 5.13: records of children are left out later */
		attr.inherit_thread = 0;
		fd = perf_open(NULL, &attr, tid, ring->cpu);
	}
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter) < 0 ||
		ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int attach_task(struct calls *c, const struct rings *rings, pid_t tid) {
	size_t n = c->n_events + rings->n_items;
	int *grown;

	if (n > EVENTS_OF_CALLS_MAX)
		return -E2BIG;
	grown = realloc(c->events, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->events = grown;
	for (size_t i = 0; i < rings->n_items; i++) {
		int fd = open_event(c, tid, &rings->items[i]);

		if (fd < 0)
			return fd;
		c->events[c->n_events++] = fd;
	}
	return 0;
}

struct walk {
	struct calls *c;
	const struct rings *rings;
	pid_t *tids;
	size_t n_tids, n_new;
	int error;
};

static bool is_known(const struct walk *w, pid_t tid) {
	for (size_t i = 0; i < w->n_tids; i++)
		if (w->tids[i] == tid)
			return true;
	return false;
}

static int attach_thread(pid_t tid, const char *name, void *userdata) {
	struct walk *w = userdata;
	pid_t *grown;
	int r;

	(void)name;
	if (is_known(w, tid))
		return 0;
	grown = realloc(w->tids, (w->n_tids + 1) * sizeof(*grown));
	if (!grown)
		return w->error = -ENOMEM;
	w->tids = grown;
	w->tids[w->n_tids++] = tid;
	r = attach_task(w->c, w->rings, tid);
	if (r == -ESRCH) /* ended meanwhile */
		return 0;
	w->n_new++;
	return w->error = r;
}

/* A thread made meanwhile is inherited from its maker, or found by the next round. */
static int attach_threads(struct calls *c, const struct rings *rings) {
	struct walk w = { .c = c, .rings = rings };

	for (int round = 0; round < ATTACH_ROUNDS; round++) {
		w.n_new = 0;
		(void)process_threads(c->pid, attach_thread, &w);
		if (w.error < 0 || w.n_new == 0)
			break;
	}
	free(w.tids);
	return w.error;
}

static void detach(struct calls *c) {
	for (size_t i = 0; i < c->n_events; i++)
		(void)close_fd(c->events[i]);
	free(TAKE(c->events));
	c->n_events = 0;
}

struct calls *calls_attach(struct tracing *t, pid_t pid, bool denied, bool running) {
	struct calls *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->pid = pid;
	c->denied = denied;
	c->tracepoint = denied ? &t->ends : &t->asks;
	c->error = t->error;
	if (c->error == 0)
		c->error = running ? attach_threads(c, &t->rings) : attach_task(c, &t->rings, pid);
	if (c->error < 0) /* all threads or none: a count of some would look like an answer */
		detach(c);
	return c;
}

struct calls *calls_free(struct calls *c) {
	if (!c)
		return NULL;
	detach(c);
	free(c->threads);
	free(c);
	return NULL;
}

bool calls_detached(const struct calls *c) {
	struct pollfd p = { .fd = c->n_events ? c->events[0] : -1 };

	return c->n_events > 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

void calls_begin(struct calls *c) {
	for (size_t i = 0; i < c->n_events; i++)
		if (ioctl(c->events[i], PERF_EVENT_IOC_ENABLE, 0) < 0 && errno != ESRCH)
			c->error = -errno;
	c->begun = true;
}

/* ---- counting ---------------------------------------------------------------------------------- */

static struct thread_calls *find_thread(struct calls *c, pid_t tid) {
	for (size_t i = 0; i < c->n_threads; i++)
		if (c->threads[i].tid == tid)
			return &c->threads[i];
	return NULL;
}

const struct thread_calls *calls_find_thread(const struct calls *c, pid_t tid) {
	for (size_t i = 0; c && i < c->n_threads; i++)
		if (c->threads[i].tid == tid)
			return &c->threads[i];
	return NULL;
}

static struct thread_calls *add_thread(struct calls *c, pid_t tid) {
	struct thread_calls *grown, *t;
	char path[64];

	if (c->n_threads == CALLS_THREADS_MAX)
		return NULL;
	grown = realloc(c->threads, (c->n_threads + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	c->threads = grown;
	t = &c->threads[c->n_threads++];
	*t = (struct thread_calls){ .tid = tid };
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)c->pid, (int)tid);
	if (read_line_file(path, t->name, sizeof(t->name)) < 0)
		snprintf(t->name, sizeof(t->name), "(ended)");
	(void)make_printable(t->name);
	return t;
}

static uint64_t value_at(const struct ring_record *record, size_t offset) {
	uint64_t value = 0;

	if (offset + sizeof(value) <= record->raw_size)
		memcpy(&value, record->raw + offset, sizeof(value));
	return value;
}

static enum seal_call call_of(const struct calls *c, const struct ring_record *record) {
	uint64_t arguments[SEAL_ARGUMENTS];
	long number = (long)value_at(record, c->tracepoint->number_at);

	if (record->raw_size < c->tracepoint->values_at + sizeof(uint64_t))
		return SEAL_CALL_MAX; /* no record of such a call */
	if (c->denied)
		return seal_denied(number, (long)value_at(record, c->tracepoint->values_at));
	for (size_t i = 0; i < SEAL_ARGUMENTS; i++)
		arguments[i] = value_at(
			record, c->tracepoint->values_at + i * sizeof(arguments[0]));
	return seal_asks(number, arguments);
}

void calls_record(struct calls *c, const struct ring_record *record) {
	enum seal_call call = call_of(c, record);
	struct thread_calls *t;

	c->n_records++;
	if (call == SEAL_CALL_MAX)
		return;
	c->n[call]++;
	t = find_thread(c, record->tid);
	if (!t)
		t = add_thread(c, record->tid);
	if (t)
		t->n[call]++;
}

uint64_t calls_counted(const struct calls *c) {
	uint64_t sum = 0, value;

	for (size_t i = 0; i < c->n_events; i++)
		if (read(c->events[i], &value, sizeof(value)) == sizeof(value))
			sum += value;
	return sum;
}

/* A call is counted a moment before its record is there; what is missing twice is lost. */
void calls_compare(struct calls *c, uint64_t counted) {
	uint64_t lost = counted > c->n_records ? counted - c->n_records : 0;

	c->n_lost = lost < c->last_lost ? lost : c->last_lost;
	c->last_lost = lost;
}

/* ---- words --------------------------------------------------------------------------------------- */

bool calls_any(const uint64_t n[static SEAL_CALL_MAX]) {
	for (int call = 0; call < SEAL_CALL_MAX; call++)
		if (n[call] > 0)
			return true;
	return false;
}

const char *calls_to_text(const uint64_t n[static SEAL_CALL_MAX], char *buf, size_t size) {
	size_t used = 0;

	buf[0] = '\0';
	for (enum seal_call call = 0; call < SEAL_CALL_MAX; call++)
		if (n[call] > 0 && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s %" PRIu64,
				used ? ", " : "", seal_call_to_string(call), n[call]);
	return buf;
}

const char *calls_describe(const struct calls *c, char *buf, size_t size) {
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < c->n_threads && used < size; i++) {
		const struct thread_calls *t = &c->threads[i];
		char text[112];

		used += (size_t)snprintf(buf + used, size - used, "%sthread %s (tid %d): %s",
			used ? "; " : "", t->name, (int)t->tid,
			calls_to_text(t->n, text, sizeof(text)));
	}
	if (c->n_lost > 0 && used < size)
		snprintf(buf + used, size - used, "; %" PRIu64 " more, too many at a time",
			c->n_lost);
	return buf;
}
