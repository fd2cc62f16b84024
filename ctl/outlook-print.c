/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The outlook of a process for people, and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "common/units.h"
#include "ctl/outlook.h"
#include "ctl/table.h"
#include "ctl/terminal.h"

#define DESCRIPTION_MAX 4096
#define INDENT		4

static bool has_budget(const struct outlook *o) {
	return o->budget.n_lines > 0;
}

/* ---- for people -------------------------------------------------------------------------------- */

static int print_steps(const struct outlook *o, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = NULL, .right = true },
		{ .title = NULL, .shrink = true },
		{ .title = NULL, .optional = true },
	};
	_cleanup_table_ struct table table;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < o->plan.n_steps; i++) {
		const struct step *s = &o->plan.steps[i];
		char text[DESCRIPTION_MAX];

		table_cell(&table, COLOUR_DIM, "%zu", i + 1);
		table_cell(&table, COLOUR_NONE, "%s%s", step_describe(s, text, sizeof(text)),
			s->optional ? " (optional)" : "");
		table_cell(&table, COLOUR_DIM, "%s", s->key ? s->key : "");
	}
	return table_print(&table, out, terminal_width(out), INDENT, terminal_has_colour(out));
}

static void print_injection(const struct outlook *o, FILE *out) {
	const struct injection *i = &o->injection;

	if (i->way == WAY_NOT_NEEDED)
		return;
	fprintf(out, "  injection: %s: %s\n", injection_way_to_string(i->way), i->why);
	for (unsigned n = 0; n < i->n_notes; n++)
		fprintf(out, "  note: %s\n", i->notes[n]);
}

static void print_notes(const struct outlook *o, FILE *out) {
	for (size_t i = 0; i < o->plan.n_steps; i++) {
		const struct step *s = &o->plan.steps[i];

		if (s->optional && s->why)
			fprintf(out, "  note: step %zu is optional: %s\n", i + 1, s->why);
	}
	for (size_t i = 0; i < o->notes.n; i++)
		fprintf(out, "  note: %s\n", o->notes.text[i]);
}

/* "8 x 256K = 2M", or the sum alone where there is nothing to multiply. */
static const char *format_sum(const struct budget_line *l, char *buf, size_t size) {
	char unit[UNITS_TEXT_MAX], sum[UNITS_TEXT_MAX];

	format_size_rounded(l->bytes, sum);
	if (l->count == 1)
		snprintf(buf, size, "%s", sum);
	else
		snprintf(buf, size, "%" PRIu64 " \xc3\x97 %s = %s", l->count,
			format_size_rounded(l->unit_bytes, unit), sum);
	return buf;
}

static int print_budget(const struct outlook *o, FILE *out) {
	static const struct table_column columns[] = {
		{ .title = NULL },
		{ .title = NULL, .right = true },
		{ .title = NULL, .shrink = true, .optional = true },
	};
	_cleanup_table_ struct table table;
	char text[128];
	int r;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < o->budget.n_lines; i++) {
		const struct budget_line *l = &o->budget.lines[i];

		table_cell(&table, COLOUR_NONE, "%s", l->what);
		table_cell(&table, COLOUR_NONE, "%s", format_sum(l, text, sizeof(text)));
		table_cell(&table, COLOUR_DIM, "%s", l->source ? l->source : "");
	}
	table_cell(&table, COLOUR_BOLD, "total");
	table_cell(&table, COLOUR_BOLD, "%s", format_size_rounded(o->budget.total_bytes, text));
	table_cell(&table, COLOUR_DIM, "%s", o->image_error ? "at least" : "");
	fprintf(out, "  memlock budget\n");
	r = table_print(&table, out, terminal_width(out), INDENT, terminal_has_colour(out));
	fprintf(out, "    as a limit: %s\n    %s\n", o->memlock_line, o->memlock_advice);
	return r;
}

int outlook_print(const struct outlook *o, FILE *out) {
	bool colour = terminal_has_colour(out);
	int r = 0;

	fprintf(out, "%s%s%s (%s:%u)\n", terminal_colour(COLOUR_BOLD, colour), o->policy->name,
		terminal_colour(COLOUR_NONE, colour), o->policy->place.file, o->policy->place.line);
	if (o->problem.text[0]) {
		fprintf(out, "  %scan't be launched%s: %s: %s\n",
			terminal_colour(COLOUR_RED, colour), terminal_colour(COLOUR_NONE, colour),
			o->problem.key, o->problem.text);
	} else {
		fprintf(out, "  launch\n");
		r = print_steps(o, out);
		print_notes(o, out);
		print_injection(o, out);
	}
	if (r == 0 && has_budget(o))
		r = print_budget(o, out);
	if (o->warning[0])
		fprintf(out, "  %swarning%s: %s\n", terminal_colour(COLOUR_YELLOW, colour),
			terminal_colour(COLOUR_NONE, colour), o->warning);
	fputc('\n', out);
	return r;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void print_steps_json(const struct outlook *o, struct json *j) {
	json_array_begin(j, "steps");
	for (size_t i = 0; i < o->plan.n_steps; i++) {
		const struct step *s = &o->plan.steps[i];
		char text[DESCRIPTION_MAX];

		json_object_begin(j, NULL);
		json_string(j, "step", step_kind_to_string(s->kind));
		json_string(j, "description", step_describe(s, text, sizeof(text)));
		json_string(j, "key", s->key);
		json_bool(j, "optional", s->optional);
		json_string(j, "why", s->why);
		json_object_end(j);
	}
	json_array_end(j);
}

static void print_injection_json(const struct outlook *o, struct json *j) {
	const struct injection *i = &o->injection;

	json_object_begin(j, "injection");
	json_string(j, "way", injection_way_to_string(i->way));
	json_string(j, "why", i->why);
	json_array_begin(j, "notes");
	for (unsigned n = 0; n < i->n_notes; n++)
		json_string(j, NULL, i->notes[n]);
	json_array_end(j);
	json_object_end(j);
}

static void print_budget_json(const struct outlook *o, struct json *j) {
	json_object_begin(j, "budget");
	json_array_begin(j, "lines");
	for (size_t i = 0; i < o->budget.n_lines; i++) {
		const struct budget_line *l = &o->budget.lines[i];

		json_object_begin(j, NULL);
		json_string(j, "what", l->what);
		json_int(j, "count", (int64_t)l->count);
		json_bytes(j, "unit", l->unit_bytes);
		json_bytes(j, "bytes", l->bytes);
		json_string(j, "source", l->source);
		json_object_end(j);
	}
	json_array_end(j);
	json_bytes(j, "total", o->budget.total_bytes);
	json_bool(j, "complete", o->image_error == 0 && !o->image.missing[0]);
	json_bytes(j, "memlock", o->memlock_bytes);
	json_string(j, "line", o->memlock_line);
	json_string(j, "advice", o->memlock_advice);
	json_object_end(j);
}

void outlook_print_json(const struct outlook *o, struct json *j) {
	char source[4096];

	snprintf(source, sizeof(source), "%s:%u", o->policy->place.file, o->policy->place.line);
	json_object_begin(j, NULL);
	json_string(j, "name", o->policy->name);
	json_string(j, "source", source);
	print_steps_json(o, j);
	print_injection_json(o, j);
	if (has_budget(o))
		print_budget_json(o, j);
	json_array_begin(j, "notes");
	for (size_t i = 0; i < o->notes.n; i++)
		json_string(j, NULL, o->notes.text[i]);
	json_array_end(j);
	json_string(j, "problem_key", o->problem.text[0] ? o->problem.key : "");
	json_string(j, "problem", o->problem.text);
	json_string(j, "warning", o->warning);
	json_object_end(j);
}
