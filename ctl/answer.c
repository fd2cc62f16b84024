/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ctl/answer.h"

#include <json-c/json_visit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/terminal.h"

static void clean_string(json_object *o) {
	char *copy = strdup(json_object_get_string(o));

	/* without memory for a clean text better none than a dirty one */
	if (copy)
		text_clean(copy);
	(void)json_object_set_string(o, copy ? copy : "");
	free(copy);
}

static int clean_visit(json_object *o, int flags, json_object *parent, const char *key,
	size_t *index, void *data) {
	if (json_object_is_type(o, json_type_string))
		clean_string(o);
	return JSON_C_VISIT_RETURN_CONTINUE;
}

json_object *answer_parse(const char *text) {
	json_object *o = json_tokener_parse(text);

	if (!json_object_is_type(o, json_type_object)) {
		(void)json_object_put(o);
		return NULL;
	}
	(void)json_c_visit(o, 0, clean_visit, NULL);
	return o;
}

json_object *answer_get(json_object *o, const char *path) {
	char name[64];

	while (o && *path) {
		size_t len = strcspn(path, ".");
		json_object *member = NULL;

		if (len >= sizeof(name) || !json_object_is_type(o, json_type_object))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		if (!json_object_object_get_ex(o, name, &member))
			return NULL;
		o = member;
		path += len + (path[len] == '.');
	}
	return o;
}

const char *answer_string(json_object *o, const char *path) {
	json_object *value = answer_get(o, path);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t answer_int(json_object *o, const char *path) {
	json_object *value = answer_get(o, path);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

bool answer_bool(json_object *o, const char *path) {
	json_object *value = answer_get(o, path);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

size_t answer_length(json_object *o, const char *path) {
	json_object *value = answer_get(o, path);

	return json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
}

json_object *answer_item(json_object *o, const char *path, size_t i) {
	return json_object_array_get_idx(answer_get(o, path), i);
}

const char *answer_text(json_object *o, const char *path, size_t i) {
	json_object *value = answer_item(o, path, i);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

json_object *answer_parse_member(const char *text, const char *name) {
	json_object *whole, *member;
	json_tokener *tokener;
	char key[64];
	const char *start;

	(void)snprintf(key, sizeof(key), "\"%s\": {", name);
	start = strstr(text, key);
	tokener = start ? json_tokener_new() : NULL;
	if (!tokener)
		return NULL;
	start += strlen(key) - 1;
	member = json_tokener_parse_ex(tokener, start, -1); /* ends where the member ends */
	json_tokener_free(tokener);
	whole = member ? json_object_new_object() : NULL;
	if (!whole || json_object_object_add(whole, name, member) < 0) {
		(void)json_object_put(member);
		(void)json_object_put(whole);
		return NULL;
	}
	return whole;
}

/* ---- printing ---------------------------------------------------------------------------------- */

static void print_line_break(int depth) {
	putchar_unlocked('\n');
	for (int i = 0; i < depth; i++)
		(void)fwrite_unlocked("  ", 1, 2, stdout);
}

/* From the opening quote on; returns what follows the closing one. */
static const char *print_string(const char *s) {
	const char *end = s + 1;

	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	if (*end)
		end++;
	(void)fwrite_unlocked(s, 1, (size_t)(end - s), stdout);
	return end;
}

static const char *print_opening(const char *s, int *depth) {
	putchar_unlocked(*s++);
	if (*s == '}' || *s == ']') {
		putchar_unlocked(*s++);
		return s;
	}
	print_line_break(++*depth);
	return s;
}

/* No parser: a document of a thousand processes is a megabyte, and what's wrong in it the reader's
 * parser will say. rtmemd writes it on one line. */
void answer_print(const char *text) {
	int depth = 0;

	for (const char *s = text; *s;) {
		if (*s == '"') {
			s = print_string(s);
		} else if (*s == '{' || *s == '[') {
			s = print_opening(s, &depth);
		} else if (*s == '}' || *s == ']') {
			print_line_break(depth > 0 ? --depth : 0);
			putchar_unlocked(*s++);
		} else if (*s == ',') {
			putchar_unlocked(*s++);
			print_line_break(depth);
			s += *s == ' ';
		} else {
			putchar_unlocked(*s++);
		}
	}
	putchar_unlocked('\n');
}
