/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/settings-view.h"

#include <string.h>

#include "common/units.h"
#include "ctl/table.h"
#include "ctl/terminal.h"

static const enum colour result_colours[] = {
	[SETTING_OK] = COLOUR_GREEN,
	[SETTING_DRIFT] = COLOUR_RED,
	[SETTING_NOT_APPLICABLE] = COLOUR_DIM,
};

size_t settings_count(const struct settings *s, enum setting_result result) {
	size_t n = 0;

	for (size_t i = 0; i < s->n_items; i++)
		n += s->items[i].result == result;
	return n;
}

void settings_print_json(const struct settings *s, struct json *j) {
	json_array_begin(j, "host");
	for (size_t i = 0; i < s->n_items; i++) {
		const struct setting_state *item = &s->items[i];
		char source[4096];

		snprintf(source, sizeof(source), "%s:%u", item->place.file ? item->place.file : "",
			item->place.line);
		json_object_begin(j, NULL);
		json_string(j, "setting", item->setting);
		json_string(j, "wanted", item->wanted);
		json_string(j, "actual", item->actual);
		json_string(j, "original", item->original);
		json_string(j, "result", setting_result_to_string(item->result));
		json_string(j, "reason", item->reason);
		json_string(j, "source", source);
		json_object_end(j);
	}
	json_array_end(j);
}

static void add_row(struct table *t, const struct setting_state *item) {
	table_cell(t, COLOUR_NONE, "%s", item->setting);
	table_cell(t, COLOUR_NONE, "%s", item->wanted);
	table_cell(t, COLOUR_NONE, "%s", *item->actual ? item->actual : "-");
	table_cell(t, COLOUR_NONE, "%s", item->original ? item->original : "-");
	table_cell(t, result_colours[item->result], "%s", setting_result_to_string(item->result));
	table_cell(
		t, COLOUR_DIM, "%s:%u", item->place.file ? item->place.file : "", item->place.line);
}

static bool same_reason(const struct settings *s, size_t a, size_t b) {
	return strcmp(s->items[a].reason, s->items[b].reason) == 0;
}

static bool said_before(const struct settings *s, size_t i) {
	for (size_t before = 0; before < i; before++)
		if (same_reason(s, before, i))
			return true;
	return false;
}

/* Each reason once, with all the settings that it's true of. */
static void print_reasons(const struct settings *s, FILE *out, size_t indent) {
	for (size_t i = 0; i < s->n_items; i++) {
		const char *separator = "";

		if (!*s->items[i].reason || said_before(s, i))
			continue;
		fprintf(out, "%*s", (int)indent, "");
		for (size_t same = i; same < s->n_items; same++) {
			if (!same_reason(s, i, same))
				continue;
			fprintf(out, "%s%s", separator, s->items[same].setting);
			separator = ", ";
		}
		fprintf(out, ": %s\n", s->items[i].reason);
	}
}

int settings_print(const struct settings *s, bool all, FILE *out, size_t indent) {
	static const struct table_column columns[] = {
		{ .title = "SETTING", .shrink = true },
		{ .title = "WANTED", .right = true, .shrink = true },
		{ .title = "ACTUAL", .right = true, .shrink = true },
		{ .title = "ORIGINAL", .right = true, .shrink = true, .optional = true },
		{ .title = "RESULT" },
		{ .title = "SOURCE", .shrink = true, .optional = true },
	};
	_cleanup_table_ struct table table;
	int r;

	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < s->n_items; i++)
		if (all || s->items[i].result != SETTING_OK)
			add_row(&table, &s->items[i]);
	if (table.n_cells == 0)
		return 0;
	r = table_print(&table, out, terminal_width(out), indent, terminal_has_colour(out));
	print_reasons(s, out, indent);
	return r;
}
