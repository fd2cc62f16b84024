/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reading side of perf's ring protocol: the kernel moves data_head, we move data_tail, records lie
 * between them and may wrap around. A record is copied out before it's looked at. Events of managed
 * processes are redirected here (PERF_EVENT_IOC_SET_OUTPUT), so memory is per CPU, not per process.
 */
#include "daemon/watch/rings.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

struct opening {
	struct perf_event_attr *attr;
	pid_t pid;
	int cpu;
};

static int open_event(void *userdata) {
	const struct opening *o = userdata;
	long fd = syscall(SYS_perf_event_open, o->attr, o->pid, o->cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int perf_open(struct hands *hands, struct perf_event_attr *attr, pid_t pid, int cpu) {
	struct opening o = { attr, pid, cpu };
	int fd;

	attr->size = sizeof(*attr);
	fd = open_event(&o);
	return fd == -EACCES && hands ? hands_do(hands, open_event, &o) : fd;
}

static int ring_init(struct ring *r, struct hands *hands, int cpu) {
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_IDENTIFIER,
		.exclude_kernel = 1,
	};
	void *map;

	*r = (struct ring){ .fd = perf_open(hands, &attr, 0, cpu), .cpu = cpu };
	if (r->fd < 0)
		return r->fd;
	map = mmap(NULL, RING_BYTES + (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	return 0;
}

static void ring_done(struct ring *r) {
	if (r->map)
		(void)munmap(r->map, RING_BYTES + (size_t)sysconf(_SC_PAGESIZE));
	r->fd = close_fd(r->fd);
}

void rings_done(struct rings *r) {
	for (size_t i = 0; i < r->n_items; i++)
		ring_done(&r->items[i]);
	free(r->items);
	*r = (struct rings){ .error = r->error, .hands = r->hands };
}

void rings_init(struct rings *r, bool of_calls, struct hands *hands) {
	long n_cpus = sysconf(_SC_NPROCESSORS_CONF);

	*r = (struct rings){ .items = calloc((size_t)n_cpus, sizeof(struct ring)),
		.of_calls = of_calls,
		.hands = hands };
	if (!r->items) {
		r->error = -ENOMEM;
		return;
	}
	for (int cpu = 0; cpu < n_cpus; cpu++) {
		int k = ring_init(&r->items[r->n_items], hands, cpu);

		if (k == -ENODEV || k == -EINVAL) { /* an absent or offline CPU */
			ring_done(&r->items[r->n_items]);
			continue;
		}
		r->n_items++;
		if (k < 0) {
			r->error = k;
			rings_done(r);
			return;
		}
	}
}

static void copy_out(const struct ring *r, uint64_t offset, void *ret, size_t size) {
	const char *data = (const char *)r->map + sysconf(_SC_PAGESIZE);
	size_t start = offset % RING_BYTES;
	size_t first = size < RING_BYTES - start ? size : RING_BYTES - start;

	memcpy(ret, data + start, first);
	memcpy((char *)ret + first, data, size - first);
}

/* The bodies, as asked for by sample_type in faults.c; what they all begin with, of the others */
struct sample_body {
	uint64_t id, instruction;
	uint32_t pid, tid;
	uint64_t time, address;
};
struct call_body {
	uint64_t id;
	uint32_t pid, tid;
	uint32_t raw_size;
};
struct lost_body {
	uint64_t id, n_lost;
};
struct fork_body {
	uint32_t pid, parent_pid, tid, parent_tid;
};
struct exec_body {
	uint32_t pid, tid;
};
union body {
	struct sample_body sample;
	struct call_body call;
	struct lost_body lost;
	struct fork_body fork;
	struct exec_body exec;
};

static bool take_sample(const union body *body, uint16_t misc, struct ring_record *ret) {
	ret->kind = RING_FAULT;
	ret->event_id = body->sample.id;
	ret->pid = (pid_t)body->sample.pid;
	ret->tid = (pid_t)body->sample.tid;
	ret->instruction = body->sample.instruction;
	ret->address = body->sample.address;
	return true;
}

/* The size is the kernel's, but may be one that we have no room for. */
static bool take_call(const union body *body, uint16_t misc, struct ring_record *ret) {
	ret->kind = RING_CALL;
	ret->event_id = body->call.id;
	ret->pid = (pid_t)body->call.pid;
	ret->tid = (pid_t)body->call.tid;
	ret->raw_size = body->call.raw_size < RING_RAW_MAX ? body->call.raw_size : RING_RAW_MAX;
	return true;
}

static bool take_lost(const union body *body, uint16_t misc, struct ring_record *ret) {
	ret->kind = RING_LOST;
	ret->event_id = body->lost.id;
	ret->n_lost = body->lost.n_lost;
	return ret->n_lost > 0;
}

/* A thread is made by its own process. */
static bool take_fork(const union body *body, uint16_t misc, struct ring_record *ret) {
	ret->kind = RING_FORK;
	ret->pid = (pid_t)body->fork.parent_pid;
	ret->tid = (pid_t)body->fork.parent_tid;
	ret->child = (pid_t)body->fork.pid;
	return ret->child != ret->pid;
}

/* A change of name that isn't an execve is of no interest. */
static bool take_exec(const union body *body, uint16_t misc, struct ring_record *ret) {
	ret->kind = RING_EXEC;
	ret->pid = (pid_t)body->exec.pid;
	ret->tid = (pid_t)body->exec.tid;
	return misc & PERF_RECORD_MISC_COMM_EXEC;
}

struct kind {
	size_t size; /* of what is looked at; a record may be longer */
	bool (*take)(const union body *body, uint16_t misc, struct ring_record *ret);
};

static const struct kind kinds[] = {
	[PERF_RECORD_SAMPLE] = { sizeof(struct sample_body), take_sample },
	[PERF_RECORD_LOST] = { sizeof(struct lost_body), take_lost },
	[PERF_RECORD_FORK] = { sizeof(struct fork_body), take_fork },
	[PERF_RECORD_COMM] = { sizeof(struct exec_body), take_exec },
};

/* Up to where its own padding ends; what lies behind a call's fixed part */
#define CALL_FIXED_BYTES (offsetof(struct call_body, raw_size) + sizeof(uint32_t))

static const struct kind call_kind = { CALL_FIXED_BYTES, take_call };

static const struct kind *kind_of(uint32_t type, bool of_calls) {
	if (of_calls && type == PERF_RECORD_SAMPLE)
		return &call_kind;
	return type < ARRAY_LEN(kinds) && kinds[type].take ? &kinds[type] : NULL;
}

static bool record_parse(const struct ring *r, bool of_calls, uint64_t offset,
	const struct perf_event_header *header, struct ring_record *ret) {
	const struct kind *kind = kind_of(header->type, of_calls);
	size_t size = header->size - sizeof(*header);
	union body body;

	if (!kind || size < kind->size)
		return false;
	*ret = (struct ring_record){ .n_lost = 0 };
	copy_out(r, offset + sizeof(*header), &body, kind->size);
	if (!kind->take(&body, header->misc, ret))
		return false;
	if (ret->raw_size > size - kind->size)
		ret->raw_size = size - kind->size;
	copy_out(r, offset + sizeof(*header) + kind->size, ret->raw, ret->raw_size);
	return true;
}

static void ring_drain(const struct ring *r, bool of_calls,
	void (*fn)(const struct ring_record *record, void *userdata), void *userdata) {
	struct perf_event_mmap_page *page = r->map;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;

	while (head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header header;
		struct ring_record record;

		copy_out(r, tail, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - tail)
			break; /* no record: what follows can't be found */
		if (record_parse(r, of_calls, tail, &header, &record))
			fn(&record, userdata);
		tail += header.size;
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
}

void rings_drain(struct rings *r, void (*fn)(const struct ring_record *record, void *userdata),
	void *userdata) {
	for (size_t i = 0; i < r->n_items; i++)
		ring_drain(&r->items[i], r->of_calls, fn, userdata);
}
