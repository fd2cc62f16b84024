/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which thread it was. perf's records are added up per thread as they're drained; without perf each
 * thread's own /proc/PID/task/TID/stat is compared with what it showed at ready. A thread that has ended
 * keeps its row: its faults happened.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "daemon/log.h"
#include "daemon/watch/faults.h"

const struct thread_faults *faults_find_thread(const struct faults *f, pid_t tid) {
	for (size_t i = 0; i < f->n_threads; i++)
		if (f->threads[i].tid == tid)
			return &f->threads[i];
	return NULL;
}

/* The row of a thread, made if there's none; NULL when the table is full. */
static struct thread_faults *thread_row(struct faults *f, pid_t tid) {
	struct thread_faults *grown;

	for (size_t i = 0; i < f->n_threads; i++)
		if (f->threads[i].tid == tid)
			return &f->threads[i];
	if (f->n_threads == THREADS_MAX)
		return NULL;
	grown = realloc(f->threads, (f->n_threads + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	f->threads = grown;
	f->threads[f->n_threads] = (struct thread_faults){ .tid = tid };
	return &f->threads[f->n_threads++];
}

bool faults_record(struct faults *f, const struct ring_record *record) {
	const struct sampler *s = NULL;
	struct thread_faults *t;

	for (size_t i = 0; i < f->n_samplers && !s; i++)
		if (f->samplers[i].id == record->event_id)
			s = &f->samplers[i];
	if (!s)
		return false;
	if (record->kind == RING_LOST) {
		f->n_lost += record->n_lost;
		return true;
	}
	if (record->pid != f->pid &&
		!f->children) /* a child process, where inherit_thread isn't known */
		return true;
	t = thread_row(f, record->tid);
	if (!t) {
		f->n_lost++;
		return true;
	}
	if (s->kind == FAULT_MINOR)
		t->count.minor++;
	else
		t->count.major++;
	t->last_address = record->address;
	t->last_instruction = record->instruction;
	return true;
}

struct refresh {
	struct faults *f;
	bool first;
};

static int refresh_thread(pid_t tid, const char *name, void *userdata) {
	const struct refresh *r = userdata;
	struct fault_count now;
	struct thread_faults *t;

	if (process_stat_read(r->f->pid, tid, &now, NULL) < 0)
		return 0;
	t = thread_row(r->f, tid);
	if (!t)
		return 0;
	snprintf(t->name, sizeof(t->name), "%s", name);
	(void)make_printable(t->name);
	if (r->first)
		t->base = now;
	t->count.minor = now.minor - t->base.minor;
	t->count.major = now.major - t->base.major;
	return 0;
}

void faults_refresh_threads(struct faults *f) {
	struct refresh r = { .f = f, .first = f->n_threads == 0 };

	if (f->from_proc && f->begun)
		(void)process_threads(f->pid, refresh_thread, &r);
}

/* From now on as if it had been counted since ready: nothing but what was is added to what comes. */
static int resume_thread(pid_t tid, const char *name, void *userdata) {
	struct faults *f = userdata;
	struct thread_faults *t = thread_row(f, tid);

	if (!t || process_stat_read(f->pid, tid, &t->base, NULL) < 0)
		return 0;
	t->base.minor -= t->count.minor;
	t->base.major -= t->count.major;
	return 0;
}

void threads_resume(struct faults *f, const struct thread_faults *threads, size_t n_threads) {
	for (size_t i = 0; i < n_threads; i++) {
		struct thread_faults *t = thread_row(f, threads[i].tid);

		if (t)
			*t = threads[i];
	}
	if (f->from_proc)
		(void)process_threads(f->pid, resume_thread, f);
}

void faults_name_threads(struct faults *f) {
	for (size_t i = 0; i < f->n_threads; i++) {
		struct thread_faults *t = &f->threads[i];
		char path[64];

		if (t->name[0])
			continue;
		if (f->children) /* it may be a child's */
			snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->tid);
		else
			snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)f->pid,
				(int)t->tid);
		if (read_line_file(path, t->name, sizeof(t->name)) < 0)
			snprintf(t->name, sizeof(t->name), "(ended)");
		(void)make_printable(t->name);
	}
}

static const struct thread_faults *worst_thread(
	const struct faults *f, const struct thread_faults *except) {
	const struct thread_faults *worst = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < f->n_threads; i++) {
		uint64_t n = f->threads[i].count.minor + f->threads[i].count.major;

		if (&f->threads[i] != except && n > most) {
			worst = &f->threads[i];
			most = n;
		}
	}
	return worst;
}

static size_t describe_thread(const struct thread_faults *t, char *buf, size_t size) {
	int n = snprintf(buf, size, "%" PRIu64 " in thread %s (tid %d)",
		t->count.minor + t->count.major, t->name[0] ? t->name : "?", (int)t->tid);

	if (n > 0 && (size_t)n < size && t->last_instruction)
		n += snprintf(buf + n, size - (size_t)n,
			", last at address 0x%" PRIx64 " by instruction 0x%" PRIx64,
			t->last_address, t->last_instruction);
	return n < 0 || (size_t)n >= size ? size - 1 : (size_t)n;
}

/* The rings are shared: the kernel tells of records that were lost to whoever writes next, so that their
 * number says nothing about this process. What was counted and not recorded does. */
static uint64_t count_unrecorded(const struct faults *f) {
	struct fault_count total;
	uint64_t n = 0;

	if (f->n_lost == 0 || faults_since_ready(f, &total) < 0)
		return 0;
	for (size_t i = 0; i < f->n_threads; i++)
		n += f->threads[i].count.minor + f->threads[i].count.major;
	return total.minor + total.major > n ? total.minor + total.major - n : 0;
}

const char *faults_describe(const struct faults *f, char *buf, size_t size) {
	const struct thread_faults *worst = worst_thread(f, NULL), *second;
	uint64_t n_unrecorded = count_unrecorded(f);
	size_t used;

	buf[0] = '\0';
	if (!worst) {
		if (f->sampler_error)
			snprintf(buf, size, "which thread isn't known: %s",
				strerror(-f->sampler_error));
		return buf;
	}
	used = describe_thread(worst, buf, size);
	second = worst_thread(f, worst);
	if (second && size - used > 3) {
		used += (size_t)snprintf(buf + used, size - used, "; ");
		used += describe_thread(second, buf + used, size - used);
	}
	if (n_unrecorded > 0 && size - used > 48)
		snprintf(buf + used, size - used, "; %" PRIu64 " more without a record",
			n_unrecorded);
	return buf;
}
