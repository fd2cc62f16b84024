/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_ANSWER_H
#define RTMEM_CTL_ANSWER_H

/* JSON documents of the daemon, read leniently: a member that's missing is "", 0 or an empty array. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** Parses, and makes every string harmless for a terminal. NULL when it isn't an object. */
json_object *answer_parse(const char *text);
/** An object with one member of the document alone, for who has no need of the rest: the first of this
 *  name that is an object. Its strings are as they came. NULL when there's none. */
json_object *answer_parse_member(const char *text, const char *name);
/** path: members separated by dots, "memory.rss". */
json_object *answer_get(json_object *o, const char *path);
const char *answer_string(json_object *o, const char *path);
int64_t answer_int(json_object *o, const char *path);
bool answer_bool(json_object *o, const char *path);
size_t answer_length(json_object *o, const char *path);
json_object *answer_item(json_object *o, const char *path, size_t i);
/** The same of an array of texts. */
const char *answer_text(json_object *o, const char *path, size_t i);
/** Prints it indented, as --json does. */
void answer_print(const char *text);

static inline void answer_unref(json_object **o) {
	if (*o)
		(void)json_object_put(*o);
}
#define _cleanup_answer_ CLEANUP(answer_unref)

#endif
