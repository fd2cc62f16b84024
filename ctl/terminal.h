/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_TERMINAL_H
#define RTMEM_CTL_TERMINAL_H

/* What a terminal can show, and text that is fit to be shown there. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_MAX
};

/** A terminal that takes colours: not when NO_COLOR is set or TERM is dumb. */
bool terminal_has_colour(FILE *out);
/** Columns: of $COLUMNS, else of the terminal; 0 = no limit (a file or a pipe). */
size_t terminal_width(FILE *out);
/** Lines of the terminal, 0 = not known. */
size_t terminal_height(FILE *out);
/** Escape sequence that starts the colour, COLOUR_NONE ends it; "" without colour. */
const char *terminal_colour(enum colour colour, bool enabled);

/** Columns that UTF-8 text takes; invalid bytes take one each. */
size_t text_width(const char *text);
/** Bytes of the longest start of text that takes at most `width` columns; *ret_used: how many. */
size_t text_fit(const char *text, size_t width, size_t *ret_used);
/** Makes text harmless in place: control characters and invalid UTF-8 become '?'. */
void text_clean(char *text);

#endif
