/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records as text. Tables give each number and each text its key, for writing and for reading alike; what
 * there's several of is a row, its columns parted by tabs, which no text of ours contains.
 *
 * Upgrades and downgrades happen while processes run. So every key of the first release is written for
 * a run, since that release needs them all and skips what it doesn't know; of a record that it wrote,
 * the newer keys are missing and their absence says so. First comes the state, which that release didn't
 * write: with it, the last line tells a whole record from a part.
 */
#include "daemon/survive/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/units.h"
#include "daemon/log.h"

#define END_LINE     "end=1\n"
#define COLUMNS_MAX  5
#define ROW_TEXT_MAX 160 /* of an event or a note: enough to know it again */

/* ---- numbers ----------------------------------------------------------------------------------------- */

enum number_of {
	OF_ANY, /* of every record */
	OF_RUN, /* of the first release: needed where there's a process */
	OF_LATER, /* of a run; missing in records of the first release */
};

#define NUMBER(key, member, max, of) \
	{ key, max, of, offsetof(struct record, member), sizeof(((struct record *)0)->member) }

static const struct number {
	const char *key;
	uint64_t max;
	enum number_of of;
	size_t offset;
	size_t size;
} numbers[] = {
	NUMBER("pid", pid, INT32_MAX, OF_RUN),
	NUMBER("start_ticks", start_ticks, UINT64_MAX, OF_RUN),
	NUMBER("plan", plan_hash, UINT64_MAX, OF_RUN),
	NUMBER("ready", ready, 1, OF_RUN),
	NUMBER("restarts", n_restarts, UINT32_MAX, OF_RUN),
	NUMBER("injection", injection_wanted, 1, OF_RUN),
	NUMBER("report", report.kind, REPORT_KIND_MAX - 1, OF_RUN), /* 0 = none came */
	NUMBER("report_lock", report.init_lock, INIT_LOCK_ONFAULT, OF_RUN),
	NUMBER("report_heap_bytes", report.heap_bytes, UINT64_MAX, OF_RUN),
	NUMBER("report_main_stack_bytes", report.main_stack_bytes, UINT64_MAX, OF_RUN),
	NUMBER("report_unlocked_bytes", report.unlocked_bytes, UINT64_MAX, OF_RUN),
	NUMBER("report_dumpable", report.dumpable, UINT32_MAX, OF_RUN),
	NUMBER("sealed", sealed, 1, OF_LATER),
	NUMBER("report_injection", report.injection, REPORT_BY_PTRACE, OF_LATER),
	NUMBER("report_heap_start", report.heap_start, UINT64_MAX, OF_LATER),
	NUMBER("report_heap_end", report.heap_end, UINT64_MAX, OF_LATER),
	NUMBER("wanted", wanted, WANTED_MAX - 1, OF_ANY),
	NUMBER("wanted_by", wanted_by, WANTED_BY_MAX - 1, OF_ANY),
	NUMBER("waiting", waiting, 1, OF_ANY),
	NUMBER("window_opened_usec", history.opened_usec, UINT64_MAX, OF_ANY),
	NUMBER("restarts_in_window", history.n_restarts, UINT32_MAX, OF_ANY),
	NUMBER("restarts_in_row", history.n_row, UINT32_MAX, OF_ANY),
	NUMBER("session", session, INT32_MAX, OF_ANY),
	NUMBER("delay_until_usec", delay_until_usec, UINT64_MAX, OF_ANY),
	NUMBER("began_usec", began_usec, UINT64_MAX, OF_LATER),
	NUMBER("begun", begun, 1, OF_LATER),
	NUMBER("terminated", terminated, 1, OF_LATER),
	NUMBER("cause", cause, UINT8_MAX, OF_ANY),
	NUMBER("kill_at_usec", kill_at_usec, UINT64_MAX, OF_ANY),
	NUMBER("counted", counted, 1, OF_LATER),
	NUMBER("counted_from_proc", from_proc, 1, OF_LATER),
	NUMBER("counted_tasks", n_tasks, UINT16_MAX, OF_LATER),
	NUMBER("minor", faults.minor, UINT64_MAX, OF_LATER),
	NUMBER("major", faults.major, UINT64_MAX, OF_LATER),
	NUMBER("base_minor", base.minor, UINT64_MAX, OF_LATER),
	NUMBER("base_major", base.major, UINT64_MAX, OF_LATER),
	NUMBER("stat_minor", stat.minor, UINT64_MAX, OF_LATER),
	NUMBER("stat_major", stat.major, UINT64_MAX, OF_LATER),
	NUMBER("unwatched_minor", unwatched.minor, UINT64_MAX, OF_LATER),
	NUMBER("unwatched_major", unwatched.major, UINT64_MAX, OF_LATER),
	NUMBER("events_more", n_more_events, UINT64_MAX, OF_LATER),
};

/* The table's members are unsigned, or never below 0, and of the sizes that there are. */
static uint64_t number_of(const struct record *r, const struct number *n) {
	const char *at = (const char *)r + n->offset;
	uint64_t value = 0;

	switch (n->size) {
	case sizeof(uint64_t):
		value = *(const uint64_t *)(const void *)at;
		break;
	case sizeof(uint32_t):
		value = *(const uint32_t *)(const void *)at;
		break;
	case sizeof(uint16_t):
		value = *(const uint16_t *)(const void *)at;
		break;
	default:
		value = *(const bool *)(const void *)at;
		break;
	}
	return value > n->max ? n->max
			      : value; /* a report may claim anything; a record can be read */
}

static void store_number(struct record *r, const struct number *n, uint64_t value) {
	char *at = (char *)r + n->offset;

	switch (n->size) {
	case sizeof(uint64_t):
		*(uint64_t *)(void *)at = value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)(void *)at = (uint32_t)value;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)(void *)at = (uint16_t)value;
		break;
	default:
		*(bool *)(void *)at = value != 0;
		break;
	}
}

/* ---- texts ------------------------------------------------------------------------------------------- */

#define TEXT(key, member) \
	{ key, offsetof(struct record, member), sizeof(((struct record *)0)->member) }

static const struct text {
	const char *key;
	size_t offset;
	size_t size;
} texts[] = {
	TEXT("boot_id", boot_id),
	TEXT("failure", failure),
	TEXT("injection_cause", injection_cause),
};

/* ---- rows: what there's several of ------------------------------------------------------------------- */

static bool parse_event(char *columns[static COLUMNS_MAX], struct record *ret) {
	struct event *e = &ret->events[ret->n_events];
	uint64_t ready;

	if (!columns[4] || ret->n_events == EVENTS_MAX || parse_u64(columns[2], &ready) < 0 ||
		ready > 1 || parse_u64(columns[3], &e->n) < 0)
		return false;
	snprintf(e->call, sizeof(e->call), "%s", columns[0]);
	snprintf(e->subject, sizeof(e->subject), "%s", columns[1]);
	snprintf(e->last, sizeof(e->last), "%s", columns[4]);
	e->ready = ready != 0;
	ret->n_events++;
	return true;
}

static bool parse_note(char *columns[static COLUMNS_MAX], struct record *ret) {
	struct note *n = &ret->notes[ret->n_notes];

	if (!columns[1] || ret->n_notes == NOTES_MAX)
		return false;
	snprintf(n->rule, sizeof(n->rule), "%s", columns[0]);
	snprintf(n->detail, sizeof(n->detail), "%s", columns[1]);
	ret->n_notes++;
	return true;
}

static bool parse_thread(char *columns[static COLUMNS_MAX], struct record *ret) {
	struct thread_faults *t = &ret->threads[ret->n_threads];
	uint64_t tid;

	if (!columns[3] || ret->n_threads == RECORD_THREADS_MAX ||
		parse_u64(columns[0], &tid) < 0 || tid == 0 || tid > INT32_MAX ||
		parse_u64(columns[1], &t->count.minor) < 0 ||
		parse_u64(columns[2], &t->count.major) < 0)
		return false;
	t->tid = (pid_t)tid;
	snprintf(t->name, sizeof(t->name), "%s", columns[3]);
	ret->n_threads++;
	return true;
}

static const struct row {
	const char *key;
	bool (*parse)(char *columns[static COLUMNS_MAX], struct record *ret);
} rows[] = {
	{ "event", parse_event },
	{ "note", parse_note },
	{ "thread", parse_thread },
};

/* ---- reading ------------------------------------------------------------------------------------------- */

struct reading {
	struct record *record;
	bool seen[ARRAY_LEN(numbers)];
	bool has_state;
	bool has_end;
};

static int parse_number(const char *value, size_t i, struct reading *ret) {
	uint64_t number;

	if (parse_u64(value, &number) < 0 || number > numbers[i].max)
		return -EBADMSG;
	store_number(ret->record, &numbers[i], number);
	ret->seen[i] = true;
	return 0;
}

static int parse_row(const struct row *row, char *value, struct record *ret) {
	char *columns[COLUMNS_MAX] = { NULL };

	for (size_t i = 0; i < COLUMNS_MAX && value; i++)
		columns[i] = strsep(&value, "\t");
	return row->parse(columns, ret) ? 0 : -EBADMSG;
}

/* A state of a later version is derived as if there were none: the process runs, whatever it's called. */
static int parse_state(const char *value, struct reading *ret) {
	ret->has_state = true;
	for (enum process_state s = 0; s < PROCESS_STATE_MAX; s++)
		if (strcmp(value, process_state_to_string(s)) == 0)
			ret->record->state = s;
	return 0;
}

static int parse_line(char *line, struct reading *ret) {
	char *value = strchr(line, '=');

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (strcmp(line, numbers[i].key) == 0)
			return parse_number(value, i, ret);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcmp(line, texts[i].key) == 0) {
			snprintf((char *)ret->record + texts[i].offset, texts[i].size, "%s",
				make_printable(value));
			return 0;
		}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(line, rows[i].key) == 0)
			return parse_row(&rows[i], value, ret->record);
	if (strcmp(line, "state") == 0)
		return parse_state(value, ret);
	if (strcmp(line, "end") == 0) {
		ret->has_end = strcmp(value, "1") == 0;
		return ret->has_end ? 0 : -EBADMSG;
	}
	return 0; /* a key of a later version */
}

static bool is_whole(const struct reading *reading) {
	const struct record *r = reading->record;

	if (!r->boot_id[0] || reading->has_end != reading->has_state || r->pid == 1)
		return false;
	if (r->pid == 0) /* of the first release only runs have one */
		return reading->has_state && !reading->seen[0] && r->state != PROCESS_STATE_MAX;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i].of == OF_RUN && !reading->seen[i])
			return false;
	return true;
}

int record_parse(char *text, struct record *ret) {
	struct reading reading = { .record = ret };
	char *saved = NULL;

	memset(ret, 0, sizeof(*ret));
	ret->state = PROCESS_STATE_MAX;
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		int r = parse_line(line, &reading);

		if (r < 0)
			return r;
	}
	if (!is_whole(&reading))
		return -EBADMSG;
	ret->have_report = ret->report.kind != 0;
	if (!reading.has_state) { /* that release had no record of what isn't wanted */
		ret->begun = true;
		ret->wanted = WANTED_RUNNING;
	}
	if (ret->state == PROCESS_STATE_MAX)
		ret->state = ret->ready ? PROCESS_RUNNING : PROCESS_PREPARING;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

struct writing {
	char *text;
	size_t used;
	size_t size; /* without the room for the last line */
};

/* False, and nothing written, when there's no room for it. */
__attribute__((format(printf, 2, 3))) static bool add(struct writing *w, const char *format, ...) {
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->text + w->used, w->size - w->used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= w->size - w->used) {
		w->text[w->used] = '\0';
		return false;
	}
	w->used += (size_t)n;
	return true;
}

static void add_texts(const struct record *r, struct writing *w) {
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *value = (const char *)r + texts[i].offset;

		if (*value)
			(void)add(w, "%s=%s\n", texts[i].key, value);
	}
}

static void add_numbers(const struct record *r, struct writing *w) {
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (r->pid > 0 || (numbers[i].of != OF_LATER && strcmp(numbers[i].key, "pid") != 0))
			(void)add(w, "%s=%" PRIu64 "\n", numbers[i].key, number_of(r, &numbers[i]));
}

/* What matters most comes first: events are findings for as long as the process runs. */
static void add_rows(const struct record *r, struct writing *w) {
	uint64_t n_dropped = r->n_more_events;

	for (size_t i = 0; i < r->n_events; i++) {
		const struct event *e = &r->events[i];

		if (!add(w, "event=%s\t%s\t%d\t%" PRIu64 "\t%.*s\n", e->call, e->subject, e->ready,
			    e->n, ROW_TEXT_MAX, e->last))
			n_dropped += e->n;
	}
	if (n_dropped > r->n_more_events)
		(void)add(w, "events_more=%" PRIu64 "\n", n_dropped);
	for (size_t i = 0; i < r->n_notes; i++)
		(void)add(w, "note=%s\t%.*s\n", r->notes[i].rule, ROW_TEXT_MAX * 2,
			r->notes[i].detail);
	for (size_t i = 0; i < r->n_threads; i++) {
		const struct thread_faults *t = &r->threads[i];

		(void)add(w, "thread=%d\t%" PRIu64 "\t%" PRIu64 "\t%s\n", (int)t->tid,
			t->count.minor, t->count.major, t->name);
	}
}

void record_format(const struct record *r, char ret[static RECORD_MAX_BYTES]) {
	struct writing w = { .text = ret, .size = RECORD_MAX_BYTES - sizeof(END_LINE) };

	ret[0] = '\0';
	(void)add(&w, "state=%s\n", process_state_to_string(r->state));
	add_numbers(r, &w);
	add_texts(r, &w);
	if (r->pid > 0)
		add_rows(r, &w);
	memcpy(ret + w.used, END_LINE, sizeof(END_LINE));
}
