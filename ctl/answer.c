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

void answer_print(const char *text) {
	json_object *o = json_tokener_parse(text);

	/* what can't be parsed is shown as it came: the reader's parser will say what's wrong */
	puts(o ? json_object_to_json_string_ext(o,
			 JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				 JSON_C_TO_STRING_NOSLASHESCAPE)
	       : text);
	(void)json_object_put(o);
}
