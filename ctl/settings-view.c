/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/settings-view.h"

#include <string.h>

#include "common/units.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "host/setting.h"

#define NAMES_MAX 3 /* of settings before one reason */

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

static size_t find_owners(const struct claims *claims, const struct setting_state *item,
	struct owner ret[static OWNERS_MAX]) {
	struct host_wish wish = { item->setting, item->wanted, item->place };

	return owners_find(claims, &wish, ret);
}

static void print_json_owners(
	const struct claims *claims, const struct setting_state *item, struct json *j) {
	struct owner owners[OWNERS_MAX];
	size_t n = find_owners(claims, item, owners);

	json_array_begin(j, "owners");
	for (size_t i = 0; i < n; i++) {
		json_object_begin(j, NULL);
		json_string(j, "what", owners[i].what);
		json_string(j, "place", owners[i].place);
		json_string(j, "value", owners[i].value);
		json_bool(j, "agrees", owners[i].agrees);
		json_object_end(j);
	}
	json_array_end(j);
}

void settings_print_json(const struct settings *s, const struct claims *claims, struct json *j) {
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
		if (claims) {
			json_string(j, "about", setting_about(item->setting));
			print_json_owners(claims, item, j);
		}
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

/* The settings that share a reason; of many, the first ones and how many more. */
static void print_sharers(const struct settings *s, size_t first, FILE *out) {
	size_t n = 0;

	for (size_t i = first; i < s->n_items; i++) {
		if (!same_reason(s, first, i))
			continue;
		if (n < NAMES_MAX)
			fprintf(out, "%s%s", n ? ", " : "", s->items[i].setting);
		n++;
	}
	if (n > NAMES_MAX)
		fprintf(out, " and %zu more", n - NAMES_MAX);
}

/* Each reason once, with all the settings that it's true of. */
static void print_reasons(const struct settings *s, FILE *out, size_t indent) {
	for (size_t i = 0; i < s->n_items; i++) {
		if (!*s->items[i].reason || said_before(s, i))
			continue;
		fprintf(out, "%*s", (int)indent, "");
		print_sharers(s, i, out);
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

/* What others wrote is made fit for a terminal. */
static void print_owner(
	const struct setting_state *item, const struct owner *o, FILE *out, size_t indent) {
	bool colour = terminal_has_colour(out);
	char text[1024];

	if (!*o->value)
		snprintf(text, sizeof(text), "has to do with it too (%.300s)", o->place);
	else
		snprintf(text, sizeof(text), "%s %.400s (%.300s)",
			o->agrees ? "wants the same," : "wants", o->value, o->place);
	text_clean(text);
	fprintf(out, "%*s%s: %s%s%s %s\n", (int)indent, "", item->setting,
		terminal_colour(COLOUR_YELLOW, colour && !o->agrees), o->what,
		terminal_colour(COLOUR_NONE, colour && !o->agrees), text);
}

size_t settings_print_owners(
	const struct settings *s, const struct claims *claims, bool all, FILE *out, size_t indent) {
	size_t n_printed = 0;

	for (size_t i = 0; i < s->n_items; i++) {
		struct owner owners[OWNERS_MAX];
		size_t n = find_owners(claims, &s->items[i], owners);

		for (size_t j = 0; j < n; j++) {
			if (owners[j].agrees && !all)
				continue;
			if (n_printed++ == 0)
				fprintf(out, "\n%*swho else claims them:\n", (int)indent, "");
			print_owner(&s->items[i], &owners[j], out, indent + 2);
		}
	}
	return n_printed;
}
