/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The truth as JSON: one function per object of the document. Nothing is worked out here; what a
 * field says was read or judged before.
 */
#include "daemon/status/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config.h"
#include "daemon/log.h"
#include "daemon/reload/pending.h"
#include "host/journal.h"

static void write_place(struct json *j, const struct place *place) {
	char text[PATH_MAX + 16];

	snprintf(text, sizeof(text), "%s:%u", place->file ? place->file : "", place->line);
	json_string(j, "source", text);
}

/* What waits for `rtmemctl confirm`. */
static void write_try(struct json *j, const struct manager *m) {
	uint64_t now = boot_time_usec();

	if (!m->try_deadline_usec)
		return;
	json_object_begin(j, "try");
	json_int(j, "left_usec",
		m->try_deadline_usec > now ? (int64_t)(m->try_deadline_usec - now) : 0);
	json_object_end(j);
}

static void write_daemon(struct json *j, const struct manager *m) {
	json_object_begin(j, "daemon");
	json_int(j, "pid", getpid());
	json_string(j, "version", RTMEM_VERSION);
	json_string(j, "state", manager_state(m));
	if (m->refused_hash)
		json_string(j, "problem",
			"the policies on disk have errors, which `rtmemctl check` names; those that "
			"were read before stay in force");
	if (m->cgroups.usable)
		json_string(j, "cgroups", m->cgroups.base);
	json_array_begin(j, "config");
	STRV_FOREACH (file, m->set ? m->set->files : NULL)
		json_string(j, NULL, *file);
	json_array_end(j);
	write_try(j, m);
	json_object_end(j);
}

void status_host(struct json *j, const struct settings *host) {
	json_array_begin(j, "host");
	for (size_t i = 0; i < host->n_items; i++) {
		const struct setting_state *s = &host->items[i];

		json_object_begin(j, NULL);
		json_string(j, "setting", s->setting);
		json_string(j, "wanted", s->wanted);
		json_string(j, "actual", s->actual);
		json_string(j, "original", s->original);
		json_string(j, "result", setting_result_to_string(s->result));
		json_string(j, "reason", s->reason);
		write_place(j, &s->place);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_findings(struct json *j, const struct process *p) {
	json_array_begin(j, "findings");
	for (size_t i = 0; i < p->n_findings; i++) {
		json_object_begin(j, NULL);
		json_string(j, "rule", p->findings[i].rule);
		json_string(j, "wanted", p->findings[i].wanted);
		json_string(j, "seen", p->findings[i].seen);
		json_string(j, "detail", p->findings[i].detail);
		json_object_end(j);
	}
	json_array_end(j);
	json_array_begin(j, "notes");
	for (size_t i = 0; i < p->n_notes; i++) {
		json_object_begin(j, NULL);
		json_string(j, "rule", p->notes[i].rule);
		json_string(j, "detail", p->notes[i].detail);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_faults(struct json *j, const struct run *r) {
	json_object_begin(j, "faults");
	json_int(j, "minor", r ? (int64_t)r->since_ready.minor : 0);
	json_int(j, "major", r ? (int64_t)r->since_ready.major : 0);
	json_object_end(j);
	json_string(j, "fault_source", r && r->faults.from_proc ? "proc" : "perf");
}

uint64_t status_memlock_limit(const struct run *r) {
	rlim_t soft;

	if (!r || !r->effective_valid || !r->effective.limits_valid)
		return 0;
	soft = r->effective.limits[RLIMIT_MEMLOCK].rlim_cur;
	return soft == RLIM_INFINITY ? BYTES_UNLIMITED : (uint64_t)soft;
}

static void write_memory(struct json *j, const struct run *r) {
	static const struct process_memory nothing;
	const struct process_memory *m = r && r->memory_valid ? &r->memory : &nothing;

	json_object_begin(j, "memory");
	json_bytes(j, "rss", m->rss_bytes);
	json_bytes(j, "locked", m->locked_bytes);
	json_bytes(j, "size", m->size_bytes);
	json_bytes(j, "swap", m->swap_bytes);
	json_bytes(j, "memlock_limit", status_memlock_limit(r));
	json_bytes(j, "heap_prealloc", r && r->report ? r->report->heap_bytes : 0);
	json_object_end(j);
}

static void write_stack(struct json *j, const struct stack *stack) {
	json_object_begin(j, "stack");
	json_bytes(j, "size", stack ? stack_size(stack) : 0);
	json_bytes(j, "used", stack ? stack_size(stack) - stack_left(stack) : 0);
	json_object_end(j);
}

static void write_thread(struct json *j, pid_t tid, const char *name,
	const struct fault_count *count, const struct stack *stack) {
	json_object_begin(j, NULL);
	json_int(j, "tid", tid);
	json_string(j, "name", name);
	json_int(j, "minor", count ? (int64_t)count->minor : 0);
	json_int(j, "major", count ? (int64_t)count->major : 0);
	write_stack(j, stack);
	json_object_end(j);
}

struct living {
	struct json *j;
	const struct faults *faults;
	const struct stacks *stacks;
	pid_t tids[THREADS_MAX];
	size_t n;
};

static int write_living(pid_t tid, const char *name, void *userdata) {
	struct living *l = userdata;
	const struct thread_faults *t = faults_find_thread(l->faults, tid);
	char printable[THREAD_NAME_MAX * 2];

	if (l->n == THREADS_MAX)
		return 1;
	l->tids[l->n++] = tid;
	snprintf(printable, sizeof(printable), "%s", name);
	write_thread(l->j, tid, make_printable(printable), t ? &t->count : NULL,
		stacks_find(l->stacks, tid));
	return 0;
}

static bool was_written(const struct living *l, pid_t tid) {
	for (size_t i = 0; i < l->n; i++)
		if (l->tids[i] == tid)
			return true;
	return false;
}

/* Of most processes there's nothing more to be found than what is known. */
static void write_all_living(struct living *l, const struct run *r) {
	const char *name = r->memory.name;

	if (r->memory_valid && *name && !strchr(name, '\\') && process_count_threads(r->pid) == 1)
		(void)write_living(r->pid, name, l);
	else
		(void)process_threads(r->pid, write_living, l);
}

/* Threads that are there, then those that faulted and have ended. */
static void write_threads(struct json *j, const struct run *r) {
	struct living l = { .j = j };

	json_array_begin(j, "threads");
	if (r) {
		l.faults = &r->faults;
		l.stacks = &r->stacks;
		write_all_living(&l, r);
		for (size_t i = 0; i < r->faults.n_threads; i++) {
			const struct thread_faults *t = &r->faults.threads[i];

			if (t->count.minor + t->count.major > 0 && !was_written(&l, t->tid))
				write_thread(j, t->tid, t->name, &t->count, NULL);
		}
	}
	json_array_end(j);
}

static void write_children(struct json *j, const struct run *r) {
	json_array_begin(j, "children");
	for (size_t i = 0; r && i < r->children.n_items; i++) {
		const struct child *c = &r->children.items[i];

		json_object_begin(j, NULL);
		json_int(j, "pid", c->pid);
		json_string(j, "name", c->name);
		json_bytes(j, "locked", c->locked_bytes);
		json_object_end(j);
	}
	json_array_end(j);
}

static void write_output(struct json *j, const struct output_policy *o) {
	const char *out = o->standard ? o->standard : "inherit";

	if (!o->standard && !o->error)
		return;
	json_object_begin(j, "output");
	json_string(j, "stdout", out);
	json_string(j, "stderr", o->error ? o->error : out);
	json_object_end(j);
}

/* What is not there is left out. */
static void write_cgroup(struct json *j, const struct process *p) {
	const struct cgroup_state *s = &p->cgroup;
	char path[PATH_MAX];

	if (!p->run || !s->looked || !s->used ||
		!cgroup_path_of(&p->manager->cgroups, p->name, path))
		return;
	json_object_begin(j, "cgroup");
	json_string(j, "path", path);
	if (s->memory_valid) {
		json_bytes(j, "memory_min", s->min_bytes);
		json_bytes(j, "memory_low", s->low_bytes);
		json_bytes(j, "memory_max", s->max_bytes);
	}
	json_object_end(j);
}

const char *status_injection(const struct run *r) {
	if (!r || !r->report)
		return "none";
	return r->report->injection == REPORT_BY_PTRACE ? "ptrace" : "preload";
}

static void write_key(const char *key, void *userdata) {
	json_string(userdata, NULL, key);
}

/* Keys of the policy that only a new launch can follow. */
static void write_pending(struct json *j, const struct process *p) {
	json_array_begin(j, "pending_changes");
	pending_each(p, write_key, j);
	json_array_end(j);
}

static void write_process(struct json *j, const struct process *p) {
	const struct run *r = p->run;

	json_object_begin(j, NULL);
	json_string(j, "name", p->name);
	json_int(j, "pid", r ? r->pid : 0);
	json_string(j, "state", process_state_to_string(p->state));
	json_bool(j, "ready", r && r->ready);
	status_life(j, p);
	json_string(j, "compliance", compliance_to_string(p->compliance));
	write_findings(j, p);
	json_string(j, "injection", status_injection(r));
	json_string(j, "progress", r && r->progress ? r->progress : "");
	json_string(j, "status_text", r && r->status_text ? r->status_text : "");
	write_faults(j, r);
	write_memory(j, r);
	write_threads(j, r);
	write_children(j, r);
	seal_write(j, p);
	write_output(j, &p->policy->output);
	write_cgroup(j, p);
	json_int(j, "restarts", p->n_restarts);
	write_pending(j, p);
	write_place(j, &p->policy->place);
	json_object_end(j);
}

static void write_document(struct json *j, const struct manager *m, const struct process *only) {
	json_object_begin(j, NULL);
	json_int(j, "version", 1);
	write_daemon(j, m);
	status_host(j, &m->host);
	json_array_begin(j, "processes");
	for (size_t i = 0; i < m->n_processes; i++)
		if (!only || m->processes[i] == only)
			write_process(j, m->processes[i]);
	json_array_end(j);
	json_object_end(j);
}

int status_document(const struct manager *m, const struct process *only, char **ret_json) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct json j;
	bool failed;

	if (!out)
		return -ENOMEM;
	json_init(&j, out, 0);
	write_document(&j, m, only);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_json = text;
	return 0;
}
