/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * READY=1 means that every process is ready or has failed to become so: whatever is ordered after
 * rtmemd.service finds its memory prepared. STATUS= is one line that never says more than is known.
 */
#include "daemon/self.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/units.h"
#include "daemon/bus/news.h"
#include "daemon/bus/server.h"
#include "daemon/log.h"
#include "daemon/upward.h"

struct line {
	char *text;
	size_t size;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void append(struct line *l, const char *format, ...) {
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->used, l->size - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n;
	if (l->used >= l->size)
		l->used = l->size - 1;
}

static bool has_news(const struct process *p) {
	return p->n_findings > 0 || (p->run && p->run->progress);
}

static const char *short_finding(const struct process *p, char *buf, size_t size) {
	const struct finding *f = &p->findings[0];

	if (p->n_findings == 0)
		snprintf(buf, size, "%.120s", p->run->progress);
	else if (strcmp(f->rule, "minor_faults") == 0)
		snprintf(buf, size, "%s minor faults", f->seen);
	else if (strcmp(f->rule, "major_faults") == 0)
		snprintf(buf, size, "%s major faults", f->seen);
	else if (strcmp(f->rule, "launch") == 0)
		snprintf(buf, size, "%.120s", f->detail);
	else
		snprintf(buf, size, "%s: %s", f->rule, f->seen);
	return buf;
}

static size_t count_compliance(
	const struct manager *m, enum compliance c, const struct process **ret_first) {
	size_t n = 0;

	*ret_first = NULL;
	for (size_t i = 0; i < m->n_processes; i++) {
		const struct process *p = m->processes[i];

		if (p->state == PROCESS_FAILED || p->compliance != c)
			continue;
		if (!*ret_first && has_news(p))
			*ret_first = p;
		n++;
	}
	return n;
}

static size_t count_failed(const struct manager *m, const struct process **ret_first) {
	size_t n = 0;

	for (size_t i = 0; i < m->n_processes; i++)
		if (m->processes[i]->state == PROCESS_FAILED && n++ == 0)
			*ret_first = m->processes[i];
	return n;
}

static void append_group(
	struct line *l, size_t n, const char *what, const struct process *first, bool *any) {
	char text[160];

	if (n == 0)
		return;
	append(l, "%s%zu %s", *any ? ", " : "", n, what);
	if (first && has_news(first))
		append(l, " (%s: %s)", first->name, short_finding(first, text, sizeof(text)));
	*any = true;
}

const char *self_describe(const struct manager *m, char *buf, size_t size) {
	static const enum compliance order[] = { COMPLIANCE_COMPLIANT, COMPLIANCE_PENDING,
		COMPLIANCE_VIOLATING, COMPLIANCE_UNPROTECTED, COMPLIANCE_STOPPED };
	struct line l = { .text = buf, .size = size };
	const struct process *first = NULL;
	size_t drift = manager_host_drift(m), n_failed;
	bool any = false;

	buf[0] = '\0';
	append(&l, "%zu process%s%s", m->n_processes, m->n_processes == 1 ? "" : "es",
		m->n_processes ? ": " : "");
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		size_t n = count_compliance(m, order[i], &first);

		append_group(&l, n, compliance_to_string(order[i]), first, &any);
	}
	first = NULL;
	n_failed = count_failed(m, &first);
	append_group(&l, n_failed, "failed", first, &any);
	if (drift > 0)
		append(&l, "; %zu host setting%s not as wanted", drift, drift == 1 ? "" : "s");
	return buf;
}

static bool all_decided(const struct manager *m) {
	for (size_t i = 0; i < m->n_processes; i++)
		if (!process_is_decided(m->processes[i]))
			return false;
	return true;
}

/* What isn't heard is said again with the next occasion; READY=1 mustn't be missed. */
static void say(struct manager *m, const char *what) {
	int r = upward_tell("%s%sSTATUS=%s", what ? what : "", what ? "\n" : "", m->status_line);

	m->unheard = r == -EAGAIN && (what || m->unheard);
	if (r == -EAGAIN)
		m->status_line[0] = '\0';
}

static void announce(struct manager *m) {
	m->announced = true;
	log_info("ready: %s", m->status_line);
	say(m, "READY=1");
}

/* What a reply took lies below younger blocks: without this it would stay for months. */
static void give_back(struct manager *m) {
	if (m->bulky)
		(void)malloc_trim(0);
	m->bulky = false;
}

static void tell(struct manager *m) {
	char line[sizeof(m->status_line)];

	if (!m->changed && !m->unheard)
		return;
	m->changed = false;
	(void)self_describe(m, line, sizeof(line));
	(void)make_printable(line);
	if (strcmp(line, m->status_line) != 0) {
		memcpy(m->status_line, line, sizeof(line));
		say(m, m->unheard ? "READY=1" : NULL);
	}
	if (!m->announced && all_decided(m))
		announce(m);
}

static int on_post(sd_event_source *s, void *userdata) {
	struct manager *m = userdata;

	give_back(m);
	if (m->changed)
		news_flush(m);
	tell(m);
	server_drop_deaf(m);
	return 0;
}

/* The manager's patience has to reach as far as that of the policies. */
static void extend_timeout(const struct manager *m) {
	uint64_t longest = 0;

	for (size_t i = 0; i < m->n_processes; i++) {
		uint64_t timeout = m->processes[i]->policy->ready.timeout_usec;

		if (timeout != USEC_INFINITY && timeout > longest)
			longest = timeout;
	}
	if (longest > 0)
		(void)upward_tell("EXTEND_TIMEOUT_USEC=%" PRIu64, longest + 10000000);
}

void self_progress(const struct manager *m) {
	if (!m->announced)
		extend_timeout(m);
}

int self_init(struct manager *m) {
	int r = sd_event_add_post(m->event, &m->post, on_post, m);

	if (r < 0)
		return r;
	extend_timeout(m);
	m->changed = true;
	tell(m); /* without processes nothing may ever happen in the loop */
	return sd_event_source_set_description(m->post, "rtmemd-status");
}

void self_reloading(struct manager *m) {
	struct timespec now;

	if (!m->announced) /* not even started, as far as our manager knows */
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)upward_tell("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void self_reloaded(struct manager *m) {
	m->changed = true;
	if (!m->announced)
		return;
	(void)self_describe(m, m->status_line, sizeof(m->status_line));
	(void)make_printable(m->status_line);
	say(m, "READY=1");
}

void self_stopping(struct manager *m) {
	(void)upward_tell("STOPPING=1\nSTATUS=Stopping; managed processes go on");
}
