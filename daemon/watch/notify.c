/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The receiving side of sd_notify. Anybody on the machine can write here, so the kernel's word counts
 * (SCM_CREDENTIALS), not the message's: only the main process of a run is listened to. Descriptors don't
 * come along (daemon/receive).
 */
#include "daemon/watch/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/held.h"
#include "common/io.h"
#include "common/names.h"
#include "common/units.h"
#include "daemon/bus/receive.h"
#include "daemon/life/ready.h"
#include "daemon/life/watchdog.h"
#include "daemon/log.h"
#include "daemon/runtime.h"
#include "daemon/watch/sample.h"

#define MESSAGE_MAX_BYTES 4096
#define STATUS_TEXT_MAX	  256
#define MESSAGES_PER_WAKE 64
/* A flood may cost this much and no more: 20 wake-ups of 64 messages in each 50 ms. In between, what
 * has a lower priority gets its turn; messages wait in the socket, and its writers with them. */
#define FLOOD_WINDOW_USEC  50000
#define FLOOD_WAKES	   20
#define SECTION_PAUSE_USEC 10000

static char *value_of(char *line, const char *key) {
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 ? line + n : NULL;
}

/* What librtmem says of a real-time section */
static void section_parse(char *line, struct notification *ret) {
	static const struct {
		const char *key;
		size_t offset;
	} numbers[] = {
		{ "X_RTMEM_MINOR=", offsetof(struct notification, minor) },
		{ "X_RTMEM_MAJOR=", offsetof(struct notification, major) },
		{ "X_RTMEM_TID=", offsetof(struct notification, tid) },
	};
	char *value = value_of(line, "X_RTMEM_SECTION=");

	if (value)
		ret->section = value;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		value = value_of(line, numbers[i].key);
		if (value)
			(void)parse_u64(
				value, (uint64_t *)(void *)((char *)ret + numbers[i].offset));
	}
}

/* Lines that are either there or not */
static bool flag_parse(const char *line, struct notification *ret) {
	static const struct {
		const char *line;
		size_t offset;
	} flags[] = {
		{ "READY=1", offsetof(struct notification, ready) },
		{ "WATCHDOG=1", offsetof(struct notification, alive) },
		{ "WATCHDOG=trigger", offsetof(struct notification, trigger) },
		{ "STOPPING=1", offsetof(struct notification, stopping) },
		{ "RELOADING=1", offsetof(struct notification, reloading) },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(line, flags[i].line) == 0) {
			*(bool *)((char *)ret + flags[i].offset) = true;
			return true;
		}
	return false;
}

void notification_parse(char *text, struct notification *ret) {
	char *saved = NULL, *value = NULL;

	*ret = (struct notification){ .ready = false };
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		if (flag_parse(line, ret))
			continue;
		if ((value = value_of(line, "EXTEND_TIMEOUT_USEC=")))
			ret->extend |= parse_u64(value, &ret->extend_usec) == 0;
		else if ((value = value_of(line, "WATCHDOG_USEC=")))
			(void)parse_u64(value, &ret->watchdog_usec);
		else if ((value = value_of(line, "STATUS=")))
			ret->status = value;
		else if ((value = value_of(line, HELD_KEY)))
			ret->held = value;
		else
			section_parse(line, ret);
	}
}

/* Which thread has this number is looked up, not believed. */
static bool describe_section(
	const struct run *r, const struct notification *n, char *buf, size_t size) {
	char path[64], thread[32];

	if (n->tid == 0 || n->tid > INT32_MAX)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)r->pid, (int)n->tid);
	if (read_line_file(path, thread, sizeof(thread)) < 0)
		return false;
	snprintf(buf, size, "%" PRIu64 " minor, %" PRIu64 " major in thread %s (tid %" PRIu64 ")",
		n->minor, n->major, make_printable(thread), n->tid);
	return true;
}

/* Judged soon, together with what else comes until then: whoever tells of each cycle costs no more. */
static void section_told(struct process *p, const struct notification *n) {
	struct run *r = p->run;
	char section[EVENT_SUBJECT_MAX], text[EVENT_TEXT_MAX];
	bool is_news;

	snprintf(section, sizeof(section), "%s", n->section);
	(void)make_printable(section);
	is_news = !r->section_due || !events_know(&r->events, "section", section, true);
	if (!r->ready || r->terminated || (is_news && !describe_section(r, n, text, sizeof(text))))
		return;
	events_add(
		&r->events, "section", section, true, n->minor + n->major, is_news ? text : NULL);
	if (r->section_due)
		return;
	r->section_due = true;
	if (r->sample_due_usec > process_now(p) + SECTION_PAUSE_USEC)
		r->sample_due_usec = process_now(p) + SECTION_PAUSE_USEC;
	sample_schedule(p->manager);
}

/* In its own words: shown, never judged by. */
static void status_told(struct process *p, const char *status) {
	char *copy = strndup(status, STATUS_TEXT_MAX);

	if (!p->run || !copy) {
		free(copy);
		return;
	}
	free(p->run->status_text);
	p->run->status_text = copy;
	make_printable(copy);
}

/* Settings of the machine, to be shown with the others. */
static void held_told(struct process *p, const char *held) {
	char *copy = p->run ? strdup(held) : NULL;

	if (!copy)
		return;
	free(p->run->held);
	p->run->held = copy;
	p->manager->host_due_usec = 0;
	sample_schedule(p->manager);
}

/* How it is, in words that mean something to whoever watches. May end the run. */
static void life_told(struct process *p, const struct notification *n) {
	if (!p->run)
		return;
	if (n->ready && p->run->announced && !n->reloading)
		p->run->announced = NULL;
	if (n->reloading)
		p->run->announced = "reloading";
	if (n->watchdog_usec > 0)
		watchdog_set(p, n->watchdog_usec);
	if (n->alive)
		watchdog_alive(p);
	if (n->stopping) {
		p->run->announced = "stopping";
		watchdog_stopping(p);
	}
	if (n->trigger)
		watchdog_trigger(p);
}

static void handle_message(struct manager *m, pid_t pid, char *text) {
	struct process *p = pid > 0 ? manager_find_pid(m, pid) : NULL;
	struct notification n;

	if (!p) {
		log_debug("a notification of pid %d, which isn't a managed process, was ignored",
			(int)pid);
		return;
	}
	log_event(MESSAGE_PLAIN, LOG_DEBUG, p->name, NULL, "says %.200s", text);
	notification_parse(text, &n);
	if (n.status)
		status_told(p, n.status);
	if (n.held && p->policy->holds_files)
		held_told(p, n.held);
	if (n.extend)
		ready_extend(p, n.extend_usec);
	if (n.ready)
		ready_notified(p);
	life_told(p, &n);
	if (n.section && n.minor + n.major > 0)
		section_told(p, &n);
}

static bool receive_one(struct manager *m) {
	char text[MESSAGE_MAX_BYTES + 1];
	pid_t pid;
	ssize_t n = receive(m->notify_fd, text, MESSAGE_MAX_BYTES, &pid);

	if (n < 0)
		return n == -EMSGSIZE; /* too long for anything that is understood */
	text[n] = '\0';
	handle_message(m, pid, text);
	return true;
}

static int on_notify_event(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
	for (int i = 0; i < MESSAGES_PER_WAKE; i++)
		if (!receive_one(userdata))
			break;
	return 0;
}

void notify_drain(struct manager *m) {
	(void)on_notify_event(NULL, m->notify_fd, 0, m);
}

int notify_init(struct manager *m) {
	int r;

	m->notify_fd = runtime_bind(m->notify_path, SOCK_DGRAM);
	if (m->notify_fd < 0)
		return m->notify_fd;
	r = sd_event_add_io(m->event, &m->notify_source, m->notify_fd, EPOLLIN, on_notify_event, m);
	if (r < 0)
		return r;
	/* READY=1 of a process counts before its exit */
	(void)sd_event_source_set_priority(m->notify_source, SD_EVENT_PRIORITY_NORMAL - 10);
	(void)sd_event_source_set_ratelimit(m->notify_source, FLOOD_WINDOW_USEC, FLOOD_WAKES);
	return sd_event_source_set_description(m->notify_source, "rtmemd-notify");
}

void notify_done(struct manager *m) {
	m->notify_source = sd_event_source_disable_unref(m->notify_source);
	m->notify_fd = close_fd(m->notify_fd);
}
