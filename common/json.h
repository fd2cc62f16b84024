/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_COMMON_JSON_H
#define RTMEM_COMMON_JSON_H

/*
 * A streaming JSON writer: the caller says what opens, what closes and what stands between; commas,
 * escapes and indentation are the writer's. Errors latch in the stream (ferror) as with stdio.
 * Invalid UTF-8 in strings becomes U+FFFD. Depth is bounded by JSON_DEPTH_MAX.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 32

struct json {
	FILE *out;
	int indent; /* spaces per level; 0 = one line */
	int depth;
	bool first[JSON_DEPTH_MAX]; /* nothing written yet at this level */
};

void json_init(struct json *j, FILE *out, int indent);
/* key is NULL inside arrays and at the top */
void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value); /* NULL value -> "" */
void json_int(struct json *j, const char *key, int64_t value);
/** Bytes and limits: BYTES_UNLIMITED -> -1. */
void json_bytes(struct json *j, const char *key, uint64_t value);
void json_number(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);

#endif
