/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The overview: a row per process, and below it a line for everything that isn't as it should be. */
#include "ctl/status-view.h"

#include <inttypes.h>
#include <string.h>

#include "common/names.h"
#include "common/units.h"
#include "ctl/status-words.h"
#include "ctl/table.h"
#include "ctl/terminal.h"

static const struct {
	const char *word;
	enum colour colour;
	int exit_status;
} words[] = {
	{ "compliant", COLOUR_GREEN, EXIT_GOOD },
	{ "pending", COLOUR_YELLOW, EXIT_CANT_TELL },
	{ "violating", COLOUR_RED, EXIT_NOT_GOOD },
	{ "degraded", COLOUR_RED, EXIT_NOT_GOOD },
	{ "unprotected", COLOUR_RED, EXIT_NOT_GOOD },
	{ "stopped", COLOUR_DIM, EXIT_NOT_GOOD },
	{ "failed", COLOUR_RED, EXIT_NOT_GOOD },
	{ "drift", COLOUR_RED, EXIT_NOT_GOOD },
	{ "not-applicable", COLOUR_DIM, EXIT_GOOD },
};

enum colour colour_of_word(const char *word) {
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].colour;
	return COLOUR_NONE;
}

int status_of_word(const char *word) {
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].exit_status;
	return EXIT_CANT_TELL;
}

const char *format_bytes(int64_t bytes, char buf[static UNITS_TEXT_MAX]) {
	if (bytes < 0)
		return "unlimited";
	return bytes == 0 ? "0" : format_size_rounded((uint64_t)bytes, buf);
}

/* ---- processes --------------------------------------------------------------------------------- */

static enum colour colour_of_faults(json_object *p) {
	bool any = answer_int(p, "faults.minor") > 0 || answer_int(p, "faults.major") > 0;

	return any ? colour_of_word(answer_string(p, "compliance")) : COLOUR_NONE;
}

static void add_memory(struct table *t, json_object *p, const char *path) {
	char text[UNITS_TEXT_MAX];

	if (answer_int(p, "pid") > 0)
		table_cell(t, COLOUR_NONE, "%s", format_bytes(answer_int(p, path), text));
	else
		table_cell(t, COLOUR_DIM, "-");
}

static void add_process(struct table *t, json_object *p) {
	const char *compliance = answer_string(p, "compliance");
	const char *state = answer_string(p, "state");
	int64_t pid = answer_int(p, "pid");

	table_cell(t, COLOUR_BOLD, "%s", answer_string(p, "name"));
	table_cell(t, colour_of_word(state), "%s", state);
	table_cell(t, colour_of_word(compliance), "%s", compliance);
	if (pid > 0) {
		table_cell(t, COLOUR_NONE, "%" PRId64, pid);
		table_cell(t, colour_of_faults(p), "%" PRId64 "/%" PRId64,
			answer_int(p, "faults.minor"), answer_int(p, "faults.major"));
	} else {
		table_cell(t, COLOUR_DIM, "-");
		table_cell(t, COLOUR_DIM, "-");
	}
	add_memory(t, p, "memory.locked");
	add_memory(t, p, "memory.rss");
	add_memory(t, p, "memory.heap_prealloc");
	table_cell(t, COLOUR_NONE, "%zu", answer_length(p, "threads"));
	table_cell(t, COLOUR_NONE, "%" PRId64, answer_int(p, "restarts"));
}

static int print_processes(json_object *d, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = "NAME", .shrink = true },
		{ .title = "STATE" },
		{ .title = "COMPLIANCE" },
		{ .title = "PID", .right = true },
		{ .title = "FAULTS", .right = true },
		{ .title = "LOCKED", .right = true },
		{ .title = "RSS", .right = true, .optional = true },
		{ .title = "HEAP", .right = true, .optional = true },
		{ .title = "THREADS", .right = true, .optional = true },
		{ .title = "RESTARTS", .right = true, .optional = true },
	};
	_cleanup_table_ struct table table;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < answer_length(d, "processes"); i++)
		add_process(&table, answer_item(d, "processes", i));
	if (table.n_cells == 0) {
		fprintf(out, "no processes\n");
		return 0;
	}
	return table_print(&table, out, terminal_width(out), 0, terminal_has_colour(out));
}

/* ---- what isn't as it should be ---------------------------------------------------------------- */

void print_findings(json_object *p, const char *name, FILE *out) {
	bool colour = terminal_has_colour(out);

	for (size_t i = 0; i < answer_length(p, "findings"); i++) {
		json_object *f = answer_item(p, "findings", i);
		const char *detail = answer_string(f, "detail");

		fprintf(out, "%s%s%s%s%s: wanted %s, seen %s%s%s\n",
			terminal_colour(COLOUR_RED, colour), name, *name ? ": " : "",
			answer_string(f, "rule"), terminal_colour(COLOUR_NONE, colour),
			answer_string(f, "wanted"), answer_string(f, "seen"), *detail ? "; " : "",
			detail);
	}
}

void print_notes(json_object *p, const char *name, FILE *out) {
	bool colour = terminal_has_colour(out);

	for (size_t i = 0; i < answer_length(p, "notes"); i++) {
		json_object *n = answer_item(p, "notes", i);

		fprintf(out, "%snote%s: %s%s%s: %s\n", terminal_colour(COLOUR_DIM, colour),
			terminal_colour(COLOUR_NONE, colour), name, *name ? ": " : "",
			answer_string(n, "rule"), answer_string(n, "detail"));
	}
}

void status_print_host(json_object *d, FILE *out) {
	bool colour = terminal_has_colour(out);

	for (size_t i = 0; i < answer_length(d, "host"); i++) {
		json_object *s = answer_item(d, "host", i);
		const char *result = answer_string(s, "result");
		const char *reason = answer_string(s, "reason");

		if (strcmp(result, "ok") == 0)
			continue;
		fprintf(out, "%s%s%s: %s, wanted %s, actual %s%s%s\n",
			terminal_colour(colour_of_word(result), colour),
			answer_string(s, "setting"), terminal_colour(COLOUR_NONE, colour), result,
			answer_string(s, "wanted"),
			*answer_string(s, "actual") ? answer_string(s, "actual") : "-",
			*reason ? ": " : "", reason);
	}
}

/* Who waits for whom, who says that it's ending, and who left something behind */
static void print_lives(json_object *d, FILE *out) {
	bool colour = terminal_has_colour(out);
	char text[STATUS_LIFE_MAX];

	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		json_object *p = answer_item(d, "processes", i);

		if (*status_life(p, text))
			fprintf(out, "%s%s%s: %s\n", terminal_colour(COLOUR_YELLOW, colour),
				answer_string(p, "name"), terminal_colour(COLOUR_NONE, colour),
				text);
	}
}

/* What is still being prepared, and how far */
static void print_progress(json_object *d, FILE *out) {
	bool colour = terminal_has_colour(out);

	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		json_object *p = answer_item(d, "processes", i);
		const char *progress = answer_string(p, "progress");

		if (*progress)
			fprintf(out, "%s%s%s: %s\n", terminal_colour(COLOUR_YELLOW, colour),
				answer_string(p, "name"), terminal_colour(COLOUR_NONE, colour),
				progress);
	}
}

/* What programs say about themselves (STATUS=) */
static void print_status_texts(json_object *d, FILE *out) {
	for (size_t i = 0; i < answer_length(d, "processes"); i++) {
		json_object *p = answer_item(d, "processes", i);
		const char *text = answer_string(p, "status_text");

		if (*text)
			fprintf(out, "%s: %s\n", answer_string(p, "name"), text);
	}
}

/* What `apply --try` has set. */
static void print_try(json_object *d, FILE *out) {
	char left[UNITS_TEXT_MAX];
	uint64_t usec = (uint64_t)answer_int(d, "daemon.try.left_usec");

	if (!answer_get(d, "daemon.try"))
		return;
	fprintf(out,
		"settings of the machine are being tried: back in %s unless `rtmemctl confirm` "
		"comes\n",
		format_duration(usec / 1000000 * 1000000, left));
}

static void print_heading(json_object *d, FILE *out) {
	const char *state = answer_string(d, "daemon.state");
	bool colour = terminal_has_colour(out);

	fprintf(out, "rtmemd %s (pid %" PRId64 "): %s%s%s\n\n", answer_string(d, "daemon.version"),
		answer_int(d, "daemon.pid"), terminal_colour(colour_of_word(state), colour), state,
		terminal_colour(COLOUR_NONE, colour));
	if (*answer_string(d, "daemon.problem"))
		fprintf(out, "note: %s\n\n", answer_string(d, "daemon.problem"));
}

int status_print(json_object *d, FILE *out) {
	size_t n = answer_length(d, "processes");
	int r;

	print_heading(d, out);
	r = print_processes(d, out);
	fputc('\n', out);
	for (size_t i = 0; i < n; i++) {
		json_object *p = answer_item(d, "processes", i);

		print_findings(p, answer_string(p, "name"), out);
	}
	print_try(d, out);
	status_print_host(d, out);
	print_lives(d, out);
	print_progress(d, out);
	print_status_texts(d, out);
	for (size_t i = 0; i < n; i++) {
		json_object *p = answer_item(d, "processes", i);

		print_notes(p, answer_string(p, "name"), out);
	}
	return r;
}
