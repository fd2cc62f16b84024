/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what was done to what it means. Most calls break the promise whether or not anything can be seen
 * of it: that's a finding until the program ends. A few are seen by their effect and can be taken back;
 * then the event adds to the effect's finding who it was, and is a note once the effect is gone.
 */
#include "daemon/watch/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/plan.h"
#include "daemon/verdict/verdict.h"

#define DUMPABLE "dumpable" /* of the two things that prctl() undoes */

void events_done(struct events *e) {
	free(e->items);
	*e = (struct events){ .n_items = 0 };
}

static struct event *find_row(
	const struct events *e, const char *call, const char *subject, bool ready) {
	for (size_t i = 0; i < e->n_items; i++) {
		struct event *item = &e->items[i];

		if (item->ready == ready &&
			strncmp(item->call, call, sizeof(item->call) - 1) == 0 &&
			strncmp(item->subject, subject, sizeof(item->subject) - 1) == 0)
			return item;
	}
	return NULL;
}

uint64_t events_count(const struct events *e) {
	uint64_t n = e->n_more;

	for (size_t i = 0; i < e->n_items; i++)
		n += e->items[i].n;
	return n;
}

bool events_know(const struct events *e, const char *call, const char *subject, bool ready) {
	return find_row(e, call, subject, ready) != NULL;
}

static struct event *new_row(struct events *e, const char *call, const char *subject, bool ready) {
	struct event *grown, *item;

	if (e->n_items == EVENTS_MAX)
		return NULL;
	grown = realloc(e->items, (e->n_items + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	e->items = grown;
	item = &e->items[e->n_items++];
	*item = (struct event){ .ready = ready };
	snprintf(item->call, sizeof(item->call), "%s", call);
	snprintf(item->subject, sizeof(item->subject), "%s", subject);
	return item;
}

void events_add(struct events *e, const char *call, const char *subject, bool ready, uint64_t n,
	const char *text) {
	struct event *item = find_row(e, call, subject, ready);

	if (!item)
		item = new_row(e, call, subject, ready);
	if (!item) {
		e->n_more += n;
		return;
	}
	item->n += n;
	if (text)
		snprintf(item->last, sizeof(item->last), "%s", text);
}

/* Which limit: "... the memlock limit was lowered". "" when none is named. */
static const char *limit_in(const char *text) {
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		const char *name = rlimit_to_string(i);
		char words[40];

		snprintf(words, sizeof(words), " the %s limit ", name ? name : "?");
		if (name && strstr(text, words))
			return name;
	}
	return "";
}

void events_told(struct events *e, const char *call, bool ready, const char *text) {
	const char *subject = "";

	if (strcmp(call, "prctl") == 0)
		subject = strstr(text, "dump core") ? DUMPABLE : "thp";
	else if (strcmp(call, "setrlimit") == 0)
		subject = limit_in(text);
	events_add(e, call, subject, ready, 1, text);
}

/* ---- judgement --------------------------------------------------------------------------------- */

struct meaning {
	const char *call;
	const char *rule; /* NULL: worked out from the text */
	const char *wanted;
	bool by_effect; /* the effect is judged; this only says who it was */
};

static const struct meaning meanings[] = {
	{ "fork", "fork", "no fork once ready", false },
	{ "mlockall", "lock", "the lock stays as it was made", false },
	{ "munlockall", "lock", "the lock stays as it was made", false },
	{ "munlock", "lock", NULL, true }, /* also what comes before munmap() */
	{ "munmap", "lock", "the lock stays as it was made", false },
	{ "madvise", "lock", "locked pages stay present", false },
	{ "malloc_trim", "heap_prealloc", "the heap stays as it was made present", false },
	{ "prctl", NULL, "0", false },
	{ "setrlimit", NULL, "the limit stays as it was", false },
	{ "thread-stack", "stack", "stacks are present before a thread runs", false },
	{ "exec", "exec", "the program that was prepared", false },
	{ "child", "fork", NULL, true },
	{ "unlocked", "lock", NULL, true }, /* balanced: mended */
	{ "section", "section", "0 faults", false },
};

static const struct meaning *find_meaning(const char *call) {
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strcmp(meanings[i].call, call) == 0)
			return &meanings[i];
	return NULL;
}

static const char *rule_of(
	const struct meaning *m, const struct event *event, char *buf, size_t size) {
	if (m->rule)
		return m->rule;
	if (strcmp(m->call, "prctl") == 0)
		return event->subject;
	snprintf(buf, size, "limits%s%.30s", event->subject[0] ? "." : "", event->subject);
	return buf;
}

/* Is the effect judged by itself, for as long as it lasts? */
static bool only_says_who(
	const struct meaning *m, const struct process_policy *p, const struct event *event) {
	int limit;

	if (strcmp(m->call, "prctl") == 0)
		return strcmp(event->subject, DUMPABLE) != 0;
	if (strcmp(m->call, "setrlimit") != 0)
		return m->by_effect;
	limit = rlimit_from_string(event->subject);
	return limit == RLIMIT_MEMLOCK || (limit >= 0 && p->limits[limit].set);
}

static struct finding *find_finding(struct findings *f, const char *rule) {
	for (size_t i = 0; i < f->n_items; i++)
		if (strcmp(f->items[i].rule, rule) == 0)
			return &f->items[i];
	return NULL;
}

static void describe(const struct event *event, char *buf, size_t size) {
	if (strcmp(event->call, "section") == 0)
		snprintf(buf, size, "%" PRIu64 " in %s", event->n, event->subject);
	else if (strcmp(event->call, "child") == 0)
		snprintf(buf, size, "%" PRIu64 " process%s made", event->n,
			event->n == 1 ? "" : "es");
	else if (event->n == 1)
		snprintf(buf, size, "%s once", event->call);
	else
		snprintf(buf, size, "%s %" PRIu64 " times", event->call, event->n);
}

static void append_who(struct finding *f, const char *seen, const char *last) {
	size_t used = strlen(f->detail);

	snprintf(f->detail + used, sizeof(f->detail) - used, "%s%s, last: %s", used ? "; " : "",
		seen, last);
}

/* A program that was executed may have been prepared anew (children: inherit). */
static bool is_prepared_again(const struct evidence *e, const struct event *event) {
	return strcmp(event->call, "exec") == 0 &&
		(!e->injection_wanted || (e->memory && e->memory->locked_bytes > 0));
}

static void judge_event(const struct meaning *m, const struct process_policy *p,
	const struct evidence *e, const struct event *event, struct findings *ret) {
	char buf[EVENT_SUBJECT_MAX], seen[EVENT_CALL_MAX + EVENT_SUBJECT_MAX + 24];
	const char *rule = rule_of(m, event, buf, sizeof(buf));
	bool is_section = strcmp(m->call, "section") == 0; /* each is a finding of its own */
	struct finding *effect = is_section ? NULL : find_finding(ret, rule);

	describe(event, seen, sizeof(seen));
	if (is_prepared_again(e, event))
		findings_note(ret, rule, "%s", event->last);
	else if (!event->ready && strcmp(event->call, "exec") != 0)
		findings_note(ret, rule, "before it was ready: %s, last: %s", seen, event->last);
	else if (effect)
		append_who(effect, seen, event->last);
	else if (only_says_who(m, p, event))
		findings_note(ret, rule, "%s, last: %s", seen, event->last);
	else
		findings_add(ret, rule, m->wanted, seen, event->last);
}

/* A fork that a policy allows is no news; nor is one where nothing was promised. */
static bool is_allowed(const struct process_policy *p, const struct event *event) {
	bool is_fork = strcmp(event->call, "fork") == 0 || strcmp(event->call, "child") == 0;

	return is_fork && (p->fork == FORK_ALLOW || p->memory.lock == LOCK_NONE);
}

void verdict_events(
	const struct process_policy *p, const struct evidence *e, struct findings *ret) {
	const struct events *events = e->events;

	for (size_t i = 0; events && i < events->n_items; i++) {
		const struct meaning *m = find_meaning(events->items[i].call);

		if (m && !is_allowed(p, &events->items[i]))
			judge_event(m, p, e, &events->items[i], ret);
	}
	if (events && events->n_more > 0)
		findings_note(
			ret, "events", "%" PRIu64 " more that weren't kept apart", events->n_more);
}
