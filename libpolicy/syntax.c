/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libyaml says what its grammar expected; the table turns that into what the author most likely did.
 * The first row whose text occurs in libyaml's wins; without one, libyaml's own words are shown.
 */
#include "libpolicy/syntax.h"

#include <string.h>

#include "libpolicy/diagnostic-ids.h"
#include "libpolicy/text.h"

struct explanation {
	const char *problem; /* part of libyaml's text */
	const char *message;
	const char *hint;
	enum {
		AT_PROBLEM,
		AT_CONTEXT,
		SAY_CONTEXT
	} where; /* which place helps; SAY: name both */
};

static const struct explanation explanations[] = {
	{ "mapping values are not allowed",
		"a second \":\" where a plain value is expected; a key starts a line of its own",
		"quote a value that contains \": \", and check the indentation of this line" },
	{ "block sequence entries are not allowed",
		"\"-\" can't start a list here; a list begins on the line after its key",
		"write [a, b] in one line, or one \"- item\" per line" },
	{ "did not find expected key",
		"this isn't a key of the mapping around it; keys of one mapping have the same "
		"indentation",
		"look for wrong indentation or an unclosed quote above this line" },
	{ "did not find expected '-' indicator",
		"this isn't an item of the list around it; items start with \"- \" in one column",
		"look for wrong indentation above this line" },
	{ "could not find expected ':'", "a key without \":\"; write KEY: VALUE",
		"the blank after \":\" is part of it", AT_CONTEXT },
	{ "did not find expected ',' or '}'", "{ ... } isn't closed; allowed here: \",\" or \"}\"",
		"a value with blanks, commas, braces or \": \" wants quotes", SAY_CONTEXT },
	{ "did not find expected ',' or ']'", "[ ... ] isn't closed; allowed here: \",\" or \"]\"",
		"a value with blanks, commas, brackets or \": \" wants quotes", SAY_CONTEXT },
	{ "unexpected end of stream", "the file ends inside a quoted text; close the quote", NULL,
		SAY_CONTEXT },
	{ "unexpected document indicator",
		"a document marker inside a quoted text; close the quote", NULL, SAY_CONTEXT },
	{ "undefined tag handle", "tags (!something) aren't part of the policy language", NULL },
	{ "unknown escape character",
		"unknown escape in double quotes; allowed: \\\\ \\\" \\n \\t \\xHH \\uHHHH ...",
		"single quotes take backslashes as they are" },
	{ "did not find expected hexdecimal number",
		"an escape in double quotes lacks hexadecimal digits", NULL },
	{ "invalid Unicode character escape", "this escape isn't a Unicode character", NULL },
	{ "incompatible YAML document", "unsupported %YAML version; allowed: 1.1 and 1.2",
		"leave the %YAML line out" },
	{ "did not find expected <document start>",
		"text where only a document may start; a policy is one mapping",
		"look for wrong indentation, or a line that isn't KEY: VALUE" },
	{ "did not find expected alphabetic or numeric character",
		"\"*\" and \"&\" start aliases and anchors, which aren't part of the policy language",
		"quote a text that begins with \"*\" or \"&\"" },
	{ "cannot start any token", "no value can start with this character; quote it",
		"@ and ` are reserved by YAML, % starts a directive" },
	{ "did not find expected node content", "a value is missing here", NULL },
};

static const struct explanation tab = { "",
	"a tab can't indent or stand before a key; allowed: spaces",
	"replace each tab at the beginning of lines by spaces (expand -t 2)" };

static const struct explanation *find_explanation(const char *problem) {
	for (size_t i = 0; i < ARRAY_LEN(explanations); i++)
		if (strstr(problem, explanations[i].problem))
			return &explanations[i];
	return NULL;
}

static struct place place_of(const struct document *doc, yaml_mark_t mark) {
	return (struct place){
		.file = doc->file,
		.line = (unsigned)mark.line + 1,
		.column = (unsigned)mark.column + 1,
	};
}

static void complain(struct diagnostics *d, const struct document *doc, const yaml_parser_t *parser,
	const struct explanation *e) {
	struct place context = place_of(doc, parser->context_mark);
	struct place place = place_of(doc, parser->problem_mark);

	if (e->where == AT_CONTEXT)
		place = context;
	if (e->where == SAY_CONTEXT)
		diagnostics_add(d, &place, DIAG_SYNTAX, "%s (opened in line %u, column %u)",
			e->message, context.line, context.column);
	else
		diagnostics_add(d, &place, e == &tab ? DIAG_TAB : DIAG_SYNTAX, "%s", e->message);
	if (e->hint)
		diagnostics_hint(d, "%s", e->hint);
}

void syntax_explain(
	const struct document *doc, const yaml_parser_t *parser, struct diagnostics *d) {
	const char *problem = parser->problem ? parser->problem : "unreadable";
	const struct explanation *e = find_explanation(problem);
	struct place place = place_of(doc, parser->problem_mark);

	if (text_at(doc->text, doc->length, place.line, place.column) == '\t')
		e = &tab;
	if (e)
		complain(d, doc, parser, e);
	else
		diagnostics_add(d, &place, DIAG_SYNTAX, "not valid YAML: %s", problem);
}
