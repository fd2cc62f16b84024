/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is accepted is what systemd reads from the same file with the same result, so that one file serves
 * a unit and a policy. Where systemd passes over what it doesn't understand, or glues together what was
 * written apart, this refuses: a variable that is silently missing is found out on the robot.
 */
#include "libpolicy/environment-file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/strv.h"
#include "libpolicy/names.h"
#include "libpolicy/utf8.h"

#define SHOWN_MAX     40 /* characters of a bad name that a message repeats */
#define VARIABLES_MAX 1024u

struct cursor {
	const char *at;
	const char *end;
	unsigned line;
	struct environment_problem *problem;
};

struct value {
	char *text; /* room for all that is left of the file */
	size_t n;
	size_t n_kept; /* without the white space at the end that no quote protects */
};

__attribute__((format(printf, 3, 4))) static int refuse(
	const struct cursor *c, unsigned line, const char *format, ...) {
	va_list args;

	c->problem->line = line;
	va_start(args, format);
	vsnprintf(c->problem->text, sizeof(c->problem->text), format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\r';
}

static bool at_end(const struct cursor *c) {
	return c->at == c->end;
}

static char take(struct cursor *c) {
	if (*c->at == '\n')
		c->line++;
	return *c->at++;
}

static void skip_blanks(struct cursor *c) {
	while (!at_end(c) && is_blank(*c->at))
		c->at++;
}

/* To the next assignment. A backslash at the end of a comment continues nothing. */
static void skip_comments(struct cursor *c) {
	while (!at_end(c)) {
		if (*c->at == '#' || *c->at == ';')
			while (!at_end(c) && *c->at != '\n')
				c->at++;
		else if (is_blank(*c->at) || *c->at == '\n')
			(void)take(c);
		else
			return;
	}
}

static int check_key(const struct cursor *c, const char *key) {
	if (strncmp(key, "export ", strlen("export ")) == 0)
		return refuse(
			c, c->line, "`export` belongs to the shell; allowed: KEY=VALUE alone");
	if (!variable_name_is_valid(key))
		return refuse(c, c->line,
			"`%.*s` is no name of a variable; allowed: letters, digits and _, not a digit first",
			SHOWN_MAX, key);
	if (variable_is_reserved(key))
		return refuse(
			c, c->line, "%s is set by rtmem itself; take it out of the file", key);
	return 0;
}

static int take_key(struct cursor *c, char **ret) {
	_cleanup_free_ char *key = NULL;
	const char *start = c->at, *stop;
	int r;

	while (!at_end(c) && *c->at != '=' && *c->at != '\n')
		c->at++;
	if (at_end(c) || *c->at == '\n')
		return refuse(c, c->line,
			"there is no = in this line; allowed: KEY=VALUE, or a comment that begins with # "
			"or ;");
	for (stop = c->at++; stop > start && is_blank(stop[-1]);)
		stop--;
	key = strndup(start, (size_t)(stop - start));
	if (!key)
		return -ENOMEM;
	r = check_key(c, key);
	if (r == 0)
		*ret = TAKE(key);
	return r;
}

static void keep(struct value *v, char c, bool quoted) {
	v->text[v->n++] = c;
	if (quoted || !is_blank(c))
		v->n_kept = v->n;
}

/* Within double quotes a backslash stands for itself, but before these and at the end of a line. */
static void take_escaped(struct cursor *c, struct value *v) {
	if (at_end(c)) {
		keep(v, '\\', true);
		return;
	}
	if (*c->at == '\n') {
		(void)take(c);
		return;
	}
	if (!strchr("\"\\`$", *c->at))
		keep(v, '\\', true);
	keep(v, take(c), true);
}

static int take_quoted(struct cursor *c, struct value *v, char quote) {
	unsigned line = c->line;

	while (!at_end(c)) {
		char now = take(c);

		if (now == quote)
			return 0;
		if (now == '\\' && quote == '"')
			take_escaped(c, v);
		else
			keep(v, now, true);
	}
	return refuse(c, line, "the %s quote that begins here isn't closed",
		quote == '"' ? "double" : "single");
}

/* Behind a closing quote: more of the same word, or nothing. */
static int check_behind(struct cursor *c) {
	const char *start = c->at;

	skip_blanks(c);
	if (at_end(c) || *c->at == '\n' || c->at == start)
		return 0;
	return refuse(c, c->line,
		"there is something behind the closing quote; allowed: the end of the line (a comment has "
		"a line of its own)");
}

static int take_plain(struct cursor *c, struct value *v) {
	char now = take(c);

	if (now == '"' || now == '\'') {
		int r = take_quoted(c, v, now);

		v->n_kept = v->n;
		return r < 0 ? r : check_behind(c);
	}
	if (now != '\\')
		keep(v, now, false);
	else if (!at_end(c) && *c->at == '\n')
		(void)take(c);
	else if (!at_end(c))
		keep(v, take(c), true);
	return 0;
}

static bool is_text(const char *text, size_t n) {
	uint32_t code;

	while (n > 0) {
		size_t len = utf8_decode(text, n, &code);

		if (len == 0)
			return false;
		text += len;
		n -= len;
	}
	return true;
}

static int take_value(struct cursor *c, struct value *v) {
	unsigned line = c->line;
	int r = 0;

	v->n = v->n_kept = 0;
	skip_blanks(c);
	while (r == 0 && !at_end(c) && *c->at != '\n')
		r = take_plain(c, v);
	v->text[v->n_kept] = '\0';
	if (r == 0 && !is_text(v->text, v->n_kept))
		r = refuse(c, line, "the value isn't text in UTF-8");
	return r;
}

static int add(const struct cursor *c, char ***variables, const char *key, const char *value) {
	_cleanup_free_ char *assignment = NULL;

	if (strv_length(*variables) >= VARIABLES_MAX)
		return refuse(
			c, c->line, "this is one variable too many; allowed: %u", VARIABLES_MAX);
	if (asprintf(&assignment, "%s=%s", key, value) < 0) {
		assignment = NULL;
		return -ENOMEM;
	}
	return strv_env_set(variables, assignment);
}

/* No variable can hold one, and most of what follows takes it for the end. */
static int check_nul(struct cursor *c) {
	const char *nul = memchr(c->at, '\0', (size_t)(c->end - c->at));
	unsigned line = 1;

	if (!nul)
		return 0;
	for (const char *at = c->at; at < nul; at++)
		line += *at == '\n';
	return refuse(c, line, "there is a zero byte in this line; allowed: text");
}

int environment_file_parse(
	const char *text, size_t len, char ***variables, struct environment_problem *problem) {
	struct cursor c = { .at = text, .end = text + len, .line = 1, .problem = problem };
	_cleanup_free_ char *room = malloc(len + 1);
	struct value value = { .text = room };
	int r = room ? check_nul(&c) : -ENOMEM;

	while (r == 0) {
		_cleanup_free_ char *key = NULL;

		skip_comments(&c);
		if (at_end(&c))
			break;
		r = take_key(&c, &key);
		if (r == 0)
			r = take_value(&c, &value);
		if (r == 0)
			r = add(&c, variables, key, value.text);
	}
	return r;
}
