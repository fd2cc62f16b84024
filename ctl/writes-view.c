/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/writes-view.h"

#include <string.h>

#include "ctl/terminal.h"

static const struct outcome {
	const char *name;
	const char *words;
	enum colour colour;
	bool made;
	bool failed;
} outcomes[] = {
	{ "planned", "would", COLOUR_BOLD, false, false },
	{ "written", "", COLOUR_GREEN, true, false },
	{ "short", "written, but not as wanted", COLOUR_RED, true, true },
	{ "refused", "not written", COLOUR_RED, false, true },
	{ "left", "left alone", COLOUR_YELLOW, false, false },
};

static const struct outcome *outcome_of(json_object *write) {
	const char *name = answer_string(write, "outcome");

	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
		if (strcmp(outcomes[i].name, name) == 0)
			return &outcomes[i];
	return &outcomes[ARRAY_LEN(outcomes) - 1];
}

static const char *or_nothing(const char *text) {
	return *text ? text : "nothing";
}

static void print_write(json_object *w, FILE *out) {
	const struct outcome *o = outcome_of(w);
	bool colour = terminal_has_colour(out);
	const char *from = or_nothing(answer_string(w, "from"));

	fprintf(out, "%s%s%s: ", terminal_colour(o->colour, colour), answer_string(w, "setting"),
		terminal_colour(COLOUR_NONE, colour));
	if (strcmp(o->name, "planned") == 0)
		fprintf(out, "would %s; it reads %s", answer_string(w, "action"), from);
	else if (strcmp(o->name, "written") == 0)
		fprintf(out, "%s -> %s", from, or_nothing(answer_string(w, "to")));
	else
		fprintf(out, "%s: %s", o->words, answer_string(w, "reason"));
	fputs(answer_bool(w, "back") && (o->made || strcmp(o->name, "planned") == 0)
			? " (as it was before)\n"
			: "\n",
		out);
}

void writes_print(json_object *d, FILE *out) {
	for (size_t i = 0; i < answer_length(d, "writes"); i++)
		print_write(answer_item(d, "writes", i), out);
	if (*answer_string(d, "problem"))
		fprintf(stderr, "rtmemctl: %s\n", answer_string(d, "problem"));
}

size_t writes_failed(json_object *d, bool with_left) {
	size_t n = 0;

	for (size_t i = 0; i < answer_length(d, "writes"); i++) {
		const struct outcome *o = outcome_of(answer_item(d, "writes", i));

		n += o->failed || (with_left && strcmp(o->name, "left") == 0);
	}
	return n;
}

size_t writes_made(json_object *d) {
	size_t n = 0;

	for (size_t i = 0; i < answer_length(d, "writes"); i++)
		n += outcome_of(answer_item(d, "writes", i))->made;
	return n;
}
