/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP	     2 /* blanks between columns */
#define SHRUNKEN_MIN 8 /* columns that a cut cell keeps at least */
#define READABLE_MIN 24 /* cut no shorter than this while there are columns to leave out */
#define ELLIPSIS     "\xe2\x80\xa6"

struct layout {
	size_t widths[TABLE_COLUMNS_MAX];
	bool hidden[TABLE_COLUMNS_MAX];
};

void table_init(struct table *t, const struct table_column *columns, size_t n_columns) {
	*t = (struct table){ .columns = columns, .n_columns = n_columns };
}

void table_done(struct table *t) {
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct table){ 0 };
}

/* The array doubles when its length is a power of two. */
static bool grow(struct table *t) {
	struct table_cell *grown;
	size_t n = t->n_cells;

	if (n != 0 && (n & (n - 1)) != 0)
		return true;
	grown = reallocarray(t->cells, n ? n * 2 : 1, sizeof(*grown));
	if (grown)
		t->cells = grown;
	return grown;
}

void table_cell(struct table *t, enum colour colour, const char *format, ...) {
	char *text = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0 || !grow(t)) {
		t->out_of_memory = true;
		if (r >= 0)
			free(text);
		return;
	}
	text_clean(text);
	t->cells[t->n_cells++] = (struct table_cell){ .text = text, .colour = colour };
}

static size_t larger(size_t a, size_t b) {
	return a > b ? a : b;
}

static size_t total_width(const struct table *t, const struct layout *l) {
	size_t sum = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (!l->hidden[i])
			sum += l->widths[i] + (sum ? GAP : 0);
	return sum;
}

static void measure(const struct table *t, struct layout *l) {
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].title)
			l->widths[i] = text_width(t->columns[i].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t column = i % t->n_columns;

		l->widths[column] = larger(l->widths[column], text_width(t->cells[i].text));
	}
}

static bool may_shrink(const struct table *t, const struct layout *l, size_t i, size_t least) {
	return t->columns[i].shrink && !l->hidden[i] && l->widths[i] > least;
}

/* Takes from the widest column that may be cut, until all fits or none has more to give. */
static void shrink(
	const struct table *t, struct layout *l, size_t room, size_t least, bool optional) {
	while (total_width(t, l) > room) {
		size_t widest = t->n_columns;

		for (size_t i = 0; i < t->n_columns; i++)
			if (may_shrink(t, l, i, least) && (!optional || t->columns[i].optional) &&
				(widest == t->n_columns || l->widths[i] > l->widths[widest]))
				widest = i;
		if (widest == t->n_columns)
			return;
		l->widths[widest]--;
	}
}

static void hide(const struct table *t, struct layout *l, size_t room) {
	for (size_t i = t->n_columns; i > 0 && total_width(t, l) > room; i--)
		if (t->columns[i - 1].optional)
			l->hidden[i - 1] = true;
}

static void fit(const struct table *t, struct layout *l, size_t room) {
	struct layout full;

	measure(t, l);
	full = *l;
	shrink(t, l, room, SHRUNKEN_MIN, true);
	shrink(t, l, room, READABLE_MIN, false);
	hide(t, l, room);
	/* with fewer columns the rest may have more of its width back */
	memcpy(l->widths, full.widths, sizeof(l->widths));
	shrink(t, l, room, SHRUNKEN_MIN, true);
	shrink(t, l, room, SHRUNKEN_MIN, false);
}

/* Columns to print: nothing is put behind the last cell that has a text. */
static size_t row_length(
	const struct table *t, const struct layout *l, const struct table_cell *row) {
	size_t n = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (!l->hidden[i] && *row[i].text)
			n = i + 1;
	return n;
}

/* Returns the blanks that are due before the next cell. */
static size_t print_cell(
	const struct table_cell *cell, size_t width, bool right, FILE *out, bool colour) {
	bool cut = text_width(cell->text) > width, painted = colour && cell->colour != COLOUR_NONE;
	size_t used, len = text_fit(cell->text, cut ? width - 1 : width, &used);
	size_t pad = width - used - (cut ? 1 : 0);

	fprintf(out, "%*s%s%.*s%s%s", right ? (int)pad : 0, "",
		painted ? terminal_colour(cell->colour, true) : "", (int)len, cell->text,
		cut ? ELLIPSIS : "", painted ? terminal_colour(COLOUR_NONE, true) : "");
	return GAP + (right ? 0 : pad);
}

static void print_row(const struct table *t, const struct layout *l, const struct table_cell *row,
	FILE *out, size_t indent, bool colour) {
	size_t blanks = indent, n = row_length(t, l, row);

	for (size_t i = 0; i < n; i++) {
		if (l->hidden[i])
			continue;
		fprintf(out, "%*s", (int)blanks, "");
		blanks = print_cell(&row[i], l->widths[i], t->columns[i].right, out, colour);
	}
	fputc('\n', out);
}

int table_print(const struct table *t, FILE *out, size_t width, size_t indent, bool colour) {
	struct table_cell heading[TABLE_COLUMNS_MAX] = { 0 };
	struct layout layout = { 0 };

	if (t->out_of_memory || !t->n_columns || t->n_columns > TABLE_COLUMNS_MAX)
		return -ENOMEM;
	fit(t, &layout, width == 0 ? SIZE_MAX : width > indent ? width - indent : 1);
	for (size_t i = 0; i < t->n_columns; i++)
		heading[i] = (struct table_cell){
			.text = (char *)(t->columns[i].title ? t->columns[i].title : ""),
			.colour = COLOUR_BOLD,
		};
	if (t->columns[0].title)
		print_row(t, &layout, heading, out, indent, colour);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, &layout, &t->cells[i], out, indent, colour);
	return 0;
}
