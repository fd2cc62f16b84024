/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_TABLE_H
#define RTMEM_CTL_TABLE_H

/*
 * A table for people: columns as wide as their longest cell, two blanks between. On a narrow terminal
 * the columns marked `shrink` are cut (with an ellipsis), optional ones first; then those marked
 * `optional` are left out, the last one first; then the rest is cut further.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "ctl/terminal.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
	const char *title; /* NULL = no heading */
	bool right; /* numbers */
	bool shrink;
	bool optional;
};

struct table_cell {
	char *text;
	enum colour colour;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct table_cell *cells; /* row by row */
	size_t n_cells;
	bool out_of_memory; /* something couldn't be kept; table_print() says so */
};

void table_init(struct table *t, const struct table_column *columns, size_t n_columns);
void table_done(struct table *t);
/** The next cell, from left to right, row after row. */
void table_cell(struct table *t, enum colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** width: columns to fit in, 0 = no limit. indent: blanks in front of each line. 0 or -ENOMEM. */
int table_print(const struct table *t, FILE *out, size_t width, size_t indent, bool colour);

#define _cleanup_table_ CLEANUP(table_done)

#endif
