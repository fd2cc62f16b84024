/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attaching. A launched process gets one pair of counters while rtmem-exec waits, inherited by its
 * threads and enabled by execve, so that nothing of the program escapes and nothing of the launcher
 * counts. An adopted process gets a pair per thread. inherit_thread keeps child processes out, unless the
 * policy is theirs too; kernels before 5.13 refuse it and then children count anyway.
 */
#include "daemon/watch/faults.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"

#define SAMPLERS_MAX \
	1024 /* descriptors for one process: threads x CPUs x kinds of an adopted one */

static const uint64_t kind_config[FAULT_KIND_MAX] = {
	[FAULT_MINOR] = PERF_COUNT_SW_PAGE_FAULTS_MIN,
	[FAULT_MAJOR] = PERF_COUNT_SW_PAGE_FAULTS_MAJ,
};

static int open_inherited(
	const struct faults *f, struct perf_event_attr *attr, pid_t tid, int cpu) {
	int fd;

	attr->type = PERF_TYPE_SOFTWARE;
	attr->inherit = 1;
	attr->inherit_thread = !f->children;
	fd = perf_open(f->hands, attr, tid, cpu);
	if (fd != -EINVAL && fd != -E2BIG)
		return fd;
	attr->inherit_thread = 0;
	return perf_open(f->hands, attr, tid, cpu);
}

static int add_counters(struct faults *f, pid_t tid, bool on_exec) {
	int *grown = realloc(f->counters, (f->n_tasks + 1) * FAULT_KIND_MAX * sizeof(int));
	int *pair;

	if (!grown)
		return -ENOMEM;
	f->counters = grown;
	pair = &f->counters[f->n_tasks * FAULT_KIND_MAX];
	for (int kind = 0; kind < FAULT_KIND_MAX; kind++) {
		struct perf_event_attr attr = {
			.config = kind_config[kind],
			.disabled = on_exec,
			.enable_on_exec = on_exec,
		};

		pair[kind] = open_inherited(f, &attr, tid, -1);
		if (pair[kind] < 0) {
			int r = pair[kind];

			while (kind-- > 0)
				(void)close_fd(pair[kind]);
			return r;
		}
	}
	f->n_tasks++;
	return 0;
}

static int add_sampler(struct faults *f, const struct ring *ring, pid_t tid, enum fault_kind kind) {
	struct perf_event_attr attr = {
		.config = kind_config[kind],
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
		.disabled = 1,
		/* forks and programs executed, once: not of both kinds */
		.task = kind == FAULT_MINOR,
		.comm = kind == FAULT_MINOR,
		.comm_exec = kind == FAULT_MINOR,
	};
	struct sampler *s = &f->samplers[f->n_samplers];

	s->kind = kind;
	s->fd = open_inherited(f, &attr, tid, ring->cpu);
	if (s->fd < 0)
		return s->fd;
	f->n_samplers++;
	if (ioctl(s->fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0 ||
		ioctl(s->fd, PERF_EVENT_IOC_ID, &s->id) < 0)
		return -errno;
	return 0;
}

static void samplers_done(struct faults *f) {
	for (size_t i = 0; i < f->n_samplers; i++)
		(void)close_fd(f->samplers[i].fd);
	free(TAKE(f->samplers));
	f->n_samplers = 0;
}

static int add_task_samplers(struct faults *f, const struct rings *rings, pid_t tid) {
	size_t n = f->n_samplers + rings->n_items * FAULT_KIND_MAX;
	struct sampler *grown;

	if (n > SAMPLERS_MAX)
		return -E2BIG;
	grown = realloc(f->samplers, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->samplers = grown;
	for (size_t i = 0; i < rings->n_items; i++)
		for (enum fault_kind kind = 0; kind < FAULT_KIND_MAX; kind++) {
			int r = add_sampler(f, &rings->items[i], tid, kind);

			if (r < 0)
				return r;
		}
	return 0;
}

/* All threads or none: counts that are missing in part would look like an answer */
static void attach_samplers(struct faults *f, const struct rings *rings, pid_t tid) {
	if (f->sampler_error == 0)
		f->sampler_error = rings->error;
	if (f->sampler_error == 0)
		f->sampler_error = add_task_samplers(f, rings, tid);
	if (f->sampler_error < 0)
		samplers_done(f);
}

static void counters_done(struct faults *f) {
	for (size_t i = 0; i < f->n_tasks * FAULT_KIND_MAX; i++)
		(void)close_fd(f->counters[i]);
	free(TAKE(f->counters));
	f->n_tasks = 0;
}

static void fall_back(struct faults *f, int error) {
	counters_done(f);
	samplers_done(f);
	f->from_proc = true;
	f->error = error;
}

void faults_attach_new(struct faults *f, const struct rings *rings, pid_t pid, bool children) {
	int r;

	*f = (struct faults){ .pid = pid, .hands = rings->hands, .children = children };
	r = add_counters(f, pid, true);
	if (r < 0) {
		fall_back(f, r);
		return;
	}
	attach_samplers(f, rings, pid);
}

struct attach {
	struct faults *f;
	const struct rings *rings;
	pid_t *tids;
	size_t n_tids;
	size_t n_new;
	bool samplers_only;
	int error;
};

static int attach_thread(pid_t tid, const char *name, void *userdata) {
	struct attach *a = userdata;
	pid_t *grown;
	int r;

	for (size_t i = 0; i < a->n_tids; i++)
		if (a->tids[i] == tid)
			return 0;
	grown = realloc(a->tids, (a->n_tids + 1) * sizeof(*grown));
	if (!grown)
		return a->error = -ENOMEM;
	a->tids = grown;
	a->tids[a->n_tids++] = tid;
	r = a->samplers_only ? 0 : add_counters(a->f, tid, false);
	if (r == -ESRCH) /* ended meanwhile */
		return 0;
	if (r < 0)
		return a->error = r;
	a->n_new++;
	attach_samplers(a->f, a->rings, tid);
	return 0;
}

/* A thread made while we attach is inherited from its maker if that one is attached already, else found
 * by the next round; the rounds end because a maker can't outrun for ever what it's counted by. */
#define ATTACH_ROUNDS 8

static int attach_child(pid_t child, void *userdata) {
	struct attach *a = userdata;

	(void)process_threads(child, attach_thread, a);
	return a->error < 0 ? a->error : process_children(child, attach_child, a);
}

static int attach_threads(struct attach *a, pid_t pid, bool children) {
	for (int round = 0; round < ATTACH_ROUNDS; round++) {
		int r;

		a->n_new = 0;
		r = process_threads(pid, attach_thread, a);
		if (r < 0 && a->error == 0)
			a->error = r;
		if (children && a->error == 0)
			(void)process_children(pid, attach_child, a);
		if (a->error < 0 || a->n_new == 0)
			break;
	}
	free(TAKE(a->tids));
	return a->error;
}

void faults_attach_running(struct faults *f, const struct rings *rings, pid_t pid, bool children) {
	struct attach a = { .f = f, .rings = rings };
	int r;

	*f = (struct faults){ .pid = pid, .hands = rings->hands, .children = children };
	r = attach_threads(&a, pid, children);
	if (r < 0 || f->n_tasks == 0)
		fall_back(f, r < 0 ? r : -ESRCH);
}

void faults_attach_kept(struct faults *f, const struct rings *rings, pid_t pid, bool children,
	int *counters, size_t n_tasks) {
	struct attach a = { .f = f, .rings = rings, .samplers_only = true };

	*f = (struct faults){ .pid = pid,
		.hands = rings->hands,
		.children = children,
		.counters = counters,
		.n_tasks = n_tasks };
	(void)attach_threads(&a, pid, children);
}

void faults_done(struct faults *f) {
	counters_done(f);
	samplers_done(f);
	free(f->threads);
	*f = (struct faults){ .n_tasks = 0 };
}

/* Only an event with a ring tells: of any other poll(2) says POLLHUP from the beginning. */
bool faults_detached(const struct faults *f) {
	struct pollfd p;

	if (f->from_proc || f->n_tasks == 0)
		return false;
	if (f->n_samplers == 0)
		return true;
	p = (struct pollfd){ .fd = f->samplers[0].fd };
	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static int read_counter(int fd, uint64_t *sum) {
	uint64_t value;
	ssize_t n = read(fd, &value, sizeof(value));

	if (n < 0)
		return -errno;
	if (n != sizeof(value))
		return -EIO;
	*sum += value;
	return 0;
}

int faults_read(const struct faults *f, struct fault_count *ret) {
	struct fault_count sum = { .minor = 0 };

	if (f->from_proc)
		return process_stat_read(f->pid, 0, ret, NULL);
	for (size_t i = 0; i < f->n_tasks; i++) {
		int r = read_counter(f->counters[i * FAULT_KIND_MAX + FAULT_MINOR], &sum.minor);

		if (r == 0)
			r = read_counter(f->counters[i * FAULT_KIND_MAX + FAULT_MAJOR], &sum.major);
		if (r < 0)
			return r;
	}
	*ret = sum;
	return 0;
}

static void enable_samplers(struct faults *f) {
	free(TAKE(f->threads));
	f->n_threads = 0;
	f->n_lost = 0;
	for (size_t i = 0; i < f->n_samplers; i++)
		if (ioctl(f->samplers[i].fd, PERF_EVENT_IOC_ENABLE, 0) < 0 && errno != ESRCH)
			f->sampler_error = -errno;
	f->begun = true;
}

void faults_resume(struct faults *f, const struct fault_count *base,
	const struct thread_faults *threads, size_t n_threads) {
	enable_samplers(f);
	f->base = *base;
	threads_resume(f, threads, n_threads);
}

int faults_begin(struct faults *f) {
	enable_samplers(f);
	faults_refresh_threads(f);
	return faults_read(f, &f->base);
}

int faults_since_ready(const struct faults *f, struct fault_count *ret) {
	struct fault_count now;
	int r = faults_read(f, &now);

	if (r < 0)
		return r;
	ret->minor = now.minor - f->base.minor;
	ret->major = now.major - f->base.major;
	return 0;
}
