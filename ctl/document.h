/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_CTL_DOCUMENT_H
#define RTMEM_CTL_DOCUMENT_H

/* JSON documents of the daemon, read leniently: a member that's missing is "", 0 or an empty array. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** Parses, and makes every string harmless for a terminal. NULL when it isn't an object. */
json_object *document_parse(const char *text);
/** path: members separated by dots, "memory.rss". */
json_object *document_get(json_object *o, const char *path);
const char *document_string(json_object *o, const char *path);
int64_t document_int(json_object *o, const char *path);
bool document_bool(json_object *o, const char *path);
size_t document_length(json_object *o, const char *path);
json_object *document_item(json_object *o, const char *path, size_t i);
/** Prints it indented, as --json does. */
void document_print(const char *text);

static inline void document_unref(json_object **o) {
	if (*o)
		(void)json_object_put(*o);
}
#define _cleanup_document_ CLEANUP(document_unref)

#endif
