/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process: each number with its name, the faults and the stack of each thread, and its children. */
#include <inttypes.h>
#include <string.h>

#include "ctl/status-view.h"
#include "ctl/status-words.h"
#include "ctl/table.h"

static void add(struct table *t, const char *name, enum colour colour, const char *value) {
	if (!*value)
		return;
	table_cell(t, COLOUR_DIM, "%s", name);
	table_cell(t, colour, "%s", value);
}

static void add_bytes(struct table *t, const char *name, json_object *p, const char *path) {
	char text[UNITS_TEXT_MAX];

	add(t, name, COLOUR_NONE, format_bytes(answer_int(p, path), text));
}

static void add_faults(struct table *t, json_object *p) {
	bool from_proc = strcmp(answer_string(p, "fault_source"), "proc") == 0;
	char text[128];

	if (!answer_bool(p, "ready"))
		return;
	snprintf(text, sizeof(text), "%" PRId64 " minor, %" PRId64 " major since ready",
		answer_int(p, "faults.minor"), answer_int(p, "faults.major"));
	add(t, "faults", COLOUR_NONE, text);
	if (from_proc)
		add(t, "counted by", COLOUR_NONE, "/proc: populated pages count too");
}

static void add_running(struct table *t, json_object *p) {
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, answer_int(p, "pid"));
	add(t, "pid", COLOUR_NONE, text);
	add(t, "says", COLOUR_NONE, answer_string(p, "status_text"));
	add(t, "progress", COLOUR_YELLOW, answer_string(p, "progress"));
	add(t, "injection", COLOUR_NONE, answer_string(p, "injection"));
	add_faults(t, p);
	add_bytes(t, "locked", p, "memory.locked");
	add_bytes(t, "size", p, "memory.size");
	add_bytes(t, "rss", p, "memory.rss");
	add_bytes(t, "swap", p, "memory.swap");
	add_bytes(t, "memlock limit", p, "memory.memlock_limit");
	add_bytes(t, "heap prealloc", p, "memory.heap_prealloc");
}

static void add_pending(struct table *t, json_object *p) {
	char text[512];
	size_t used = 0;

	for (size_t i = 0; i < answer_length(p, "pending_changes"); i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
			answer_text(p, "pending_changes", i));

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			break;
		used += (size_t)n;
	}
	if (used > 0)
		add(t, "restart needed", COLOUR_YELLOW, text);
}

static int print_values(json_object *p, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = NULL },
		{ .title = NULL, .shrink = true },
	};
	_cleanup_table_ struct table table;
	const char *state = answer_string(p, "state");
	char life[STATUS_LIFE_MAX];
	const char *compliance = answer_string(p, "compliance");
	char text[32];

	table_init(&table, columns, ARRAY_LEN(columns));
	add(&table, "state", colour_of_word(state), state);
	add(&table, "", COLOUR_YELLOW, status_life(p, life));
	add(&table, "compliance", colour_of_word(compliance), compliance);
	add(&table, "ready", COLOUR_NONE, answer_bool(p, "ready") ? "yes" : "no");
	if (answer_int(p, "pid") > 0)
		add_running(&table, p);
	snprintf(text, sizeof(text), "%" PRId64, answer_int(p, "restarts"));
	add(&table, "restarts", COLOUR_NONE, text);
	add_pending(&table, p);
	add(&table, "source", COLOUR_NONE, answer_string(p, "source"));
	return table_print(&table, out, terminal_width(out), 2, terminal_has_colour(out));
}

static void add_stack(struct table *table, json_object *thread) {
	int64_t size = answer_int(thread, "stack.size");
	char text[UNITS_TEXT_MAX];

	if (size <= 0) {
		table_cell(table, COLOUR_DIM, "-");
		table_cell(table, COLOUR_DIM, "-");
		return;
	}
	table_cell(table, COLOUR_NONE, "%s", format_bytes(size, text));
	table_cell(table, COLOUR_NONE, "%s", format_bytes(answer_int(thread, "stack.used"), text));
}

static int print_threads(json_object *p, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = "THREAD", .shrink = true },
		{ .title = "TID", .right = true },
		{ .title = "MINOR", .right = true },
		{ .title = "MAJOR", .right = true },
		{ .title = "STACK", .right = true, .optional = true },
		{ .title = "USED", .right = true, .optional = true },
	};
	_cleanup_table_ struct table table;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < answer_length(p, "threads"); i++) {
		json_object *t = answer_item(p, "threads", i);
		int64_t minor = answer_int(t, "minor"), major = answer_int(t, "major");

		table_cell(&table, COLOUR_NONE, "%s", answer_string(t, "name"));
		table_cell(&table, COLOUR_NONE, "%" PRId64, answer_int(t, "tid"));
		table_cell(&table, minor ? COLOUR_RED : COLOUR_NONE, "%" PRId64, minor);
		table_cell(&table, major ? COLOUR_RED : COLOUR_NONE, "%" PRId64, major);
		add_stack(&table, t);
	}
	if (table.n_cells == 0)
		return 0;
	fputc('\n', out);
	return table_print(&table, out, terminal_width(out), 2, terminal_has_colour(out));
}

static int print_children(json_object *p, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = "CHILD", .shrink = true },
		{ .title = "PID", .right = true },
		{ .title = "LOCKED", .right = true },
	};
	_cleanup_table_ struct table table;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < answer_length(p, "children"); i++) {
		json_object *c = answer_item(p, "children", i);
		char text[UNITS_TEXT_MAX];

		table_cell(&table, COLOUR_NONE, "%s", answer_string(c, "name"));
		table_cell(&table, COLOUR_NONE, "%" PRId64, answer_int(c, "pid"));
		table_cell(&table, COLOUR_NONE, "%s", format_bytes(answer_int(c, "locked"), text));
	}
	if (table.n_cells == 0)
		return 0;
	fputc('\n', out);
	return table_print(&table, out, terminal_width(out), 2, terminal_has_colour(out));
}

int status_print_process(json_object *p, FILE *out) {
	bool colour = terminal_has_colour(out);
	int r;

	fprintf(out, "%s%s%s\n", terminal_colour(COLOUR_BOLD, colour), answer_string(p, "name"),
		terminal_colour(COLOUR_NONE, colour));
	r = print_values(p, out);
	if (r == 0)
		r = print_threads(p, out);
	if (r == 0)
		r = print_children(p, out);
	if (answer_length(p, "findings") + answer_length(p, "notes"))
		fputc('\n', out);
	print_findings(p, "", out);
	print_notes(p, "", out);
	return r;
}
