/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys as a JSON Schema: one function per kind writes what a value of that kind may be,
 * as far as a schema can say it. What it can't (rules across keys, references, ranges of values with
 * units) is marked in the table of diagnostics, and tests compare the two verdicts.
 */
#include "libpolicy/schema.h"

#include <errno.h>
#include <string.h>

#include "common/capability.h"
#include "common/json.h"
#include "libpolicy/fields.h"
#include "libpolicy/names.h"

#define SIZE_PATTERN	 "^[0-9]+(B|K|KiB|M|MiB|G|GiB|T|TiB)?$"
#define DURATION_PATTERN "^(0|[0-9]+(us|ms|s|min|h))$"
#define CPUS_PATTERN	 "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"
#define LINE_PATTERN	 "^[^\\x00-\\x08\\x0a-\\x1f]+$"
#define PAGES_MAX	 (INT64_C(1) << 30)

typedef void (*kind_writer)(struct json *j, const struct field *f);

static void write_integer(struct json *j, int64_t min, int64_t max) {
	json_string(j, "type", "integer");
	if (min > INT64_MIN)
		json_int(j, "minimum", min);
	if (max < INT64_C(1) << 62)
		json_int(j, "maximum", max);
}

static void write_pattern(struct json *j, const char *pattern) {
	json_string(j, "type", "string");
	json_string(j, "pattern", pattern);
}

static void integer_option(struct json *j, int64_t min, int64_t max) {
	json_object_begin(j, NULL);
	write_integer(j, min, max);
	json_object_end(j);
}

static void pattern_option(struct json *j, const char *pattern) {
	json_object_begin(j, NULL);
	write_pattern(j, pattern);
	json_object_end(j);
}

static void word_option(struct json *j, const char *word) {
	json_object_begin(j, NULL);
	json_string(j, "const", word);
	json_object_end(j);
}

static void write_rows(struct json *j, const struct field *table);

static void on_mapping(struct json *j, const struct field *f) {
	write_rows(j, f->keys);
}

static void on_version(struct json *j, const struct field *f) {
	json_int(j, "const", f->max);
}

static void on_integer(struct json *j, const struct field *f) {
	write_integer(j, f->min, f->max);
}

static void write_names(struct json *j, const struct enum_name *names) {
	json_array_begin(j, "enum");
	for (; names->name; names++)
		json_string(j, NULL, names->name);
	json_array_end(j);
}

static void on_enum(struct json *j, const struct field *f) {
	write_names(j, f->names);
}

static void on_drift(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	json_object_begin(j, NULL);
	write_names(j, f->names);
	json_object_end(j);
	json_object_begin(j, NULL);
	json_string(j, "type", "object");
	json_int(j, "maxProperties", f->max);
	json_object_begin(j, "additionalProperties");
	write_names(j, f->names);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
}

static void on_size(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	integer_option(j, 0, INT64_MAX);
	pattern_option(j, SIZE_PATTERN);
	if (f->kind == KIND_LIMIT_SIZE)
		word_option(j, "unlimited");
	json_array_end(j);
}

static void on_duration(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	integer_option(j, 0, 0);
	pattern_option(j, DURATION_PATTERN);
	json_array_end(j);
}

static void on_limit_count(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	integer_option(j, f->min, f->max);
	word_option(j, "unlimited");
	json_array_end(j);
}

static void on_cpus(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	integer_option(j, 0, INT64_MAX);
	pattern_option(j, CPUS_PATTERN);
	json_array_end(j);
}

static void on_path(struct json *j, const struct field *f) {
	write_pattern(j, "^/");
}

static void write_identity(struct json *j) {
	json_array_begin(j, "anyOf");
	integer_option(j, 0, 999999999);
	pattern_option(j, IDENTITY_PATTERN);
	json_array_end(j);
}

static void on_identity(struct json *j, const struct field *f) {
	write_identity(j);
}

static void write_sequence(struct json *j, const struct field *f) {
	json_string(j, "type", "array");
	if (f->min > 0)
		json_int(j, "minItems", f->min);
	json_int(j, "maxItems", f->max);
}

static void on_identities(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_identity(j);
	json_object_end(j);
}

static void on_capabilities(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	json_array_begin(j, "enum");
	for (int i = 0; capability_to_string(i); i++)
		json_string(j, NULL, capability_to_string(i));
	json_array_end(j);
	json_object_end(j);
}

static void on_arguments(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_array_begin(j, "prefixItems");
	json_object_begin(j, NULL);
	json_string(j, "type", "string");
	json_int(j, "minLength", 1);
	json_object_end(j);
	json_array_end(j);
	json_object_begin(j, "items");
	json_string(j, "type", "string");
	json_object_end(j);
}

static void write_names_rule(struct json *j, const char *pattern, int64_t max) {
	json_string(j, "type", "object");
	json_int(j, "maxProperties", max);
	json_object_begin(j, "propertyNames");
	json_string(j, "pattern", pattern);
	json_object_end(j);
}

static void on_environment(struct json *j, const struct field *f) {
	static const char *const reserved[] = { "RTMEM_INIT", "NOTIFY_SOCKET" };

	write_names_rule(j, VARIABLE_PATTERN, f->max);
	json_object_begin(j, "properties");
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		json_bool(j, reserved[i], false);
	json_object_end(j);
	json_object_begin(j, "additionalProperties");
	json_string(j, "type", "string");
	json_object_end(j);
}

static void on_inherits(struct json *j, const struct field *f) {
	json_array_begin(j, "anyOf");
	pattern_option(j, PROCESS_NAME_PATTERN);
	json_object_begin(j, NULL);
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_pattern(j, PROCESS_NAME_PATTERN);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
}

static void on_process(struct json *j, const struct field *f) {
	json_string(j, "$ref", "#/$defs/process");
}

static void on_processes(struct json *j, const struct field *f) {
	write_names_rule(j, PROCESS_NAME_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	json_string(j, "$ref", "#/$defs/process");
	json_object_end(j);
}

static void on_hugepages(struct json *j, const struct field *f) {
	write_names_rule(j, SIZE_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	json_array_begin(j, "anyOf");
	integer_option(j, 0, PAGES_MAX);
	json_object_begin(j, NULL);
	write_names_rule(j, NODE_PATTERN, 1024);
	json_object_begin(j, "additionalProperties");
	write_integer(j, 0, PAGES_MAX);
	json_object_end(j);
	json_object_end(j);
	json_array_end(j);
	json_object_end(j);
}

static void on_sysctl(struct json *j, const struct field *f) {
	write_names_rule(j, SYSCTL_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	json_array_begin(j, "anyOf");
	integer_option(j, INT64_MIN, INT64_MAX);
	pattern_option(j, LINE_PATTERN);
	json_array_end(j);
	json_object_end(j);
}

static void on_sysctl_names(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_pattern(j, SYSCTL_ALLOW_PATTERN);
	json_object_end(j);
}

static void on_file_patterns(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_pattern(j, "^/");
	json_object_end(j);
}

static void on_files(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_pattern(j, FILES_PATTERN);
	json_object_end(j);
}

static void on_process_names(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_pattern(j, PROCESS_NAME_PATTERN);
	json_object_end(j);
}

static void on_output(struct json *j, const struct field *f) {
	write_pattern(j, OUTPUT_PATTERN);
}

static void on_surplus(struct json *j, const struct field *f) {
	write_names_rule(j, SIZE_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	write_integer(j, 0, PAGES_MAX);
	json_object_end(j);
}

static void on_hugetlbfs(struct json *j, const struct field *f) {
	write_names_rule(j, MOUNT_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	write_rows(j, f->keys);
	json_object_end(j);
}

static void on_sizes(struct json *j, const struct field *f) {
	write_names_rule(j, SIZE_PATTERN, f->max);
	json_object_begin(j, "additionalProperties");
	on_enum(j, f);
	json_object_end(j);
}

static void on_mode(struct json *j, const struct field *f) {
	write_pattern(j, MODE_PATTERN);
}

static void on_numbers(struct json *j, const struct field *f) {
	write_sequence(j, f);
	json_object_begin(j, "items");
	write_integer(j, 0, INT32_MAX);
	json_object_end(j);
}

static const kind_writer writers[KIND_MAX] = {
	[KIND_MAPPING] = on_mapping,
	[KIND_VERSION] = on_version,
	[KIND_INTEGER] = on_integer,
	[KIND_COUNT] = on_integer,
	[KIND_ENUM] = on_enum,
	[KIND_SIZE] = on_size,
	[KIND_DURATION] = on_duration,
	[KIND_FAULTS] = on_limit_count,
	[KIND_LIMIT_SIZE] = on_size,
	[KIND_LIMIT_COUNT] = on_limit_count,
	[KIND_CPUS] = on_cpus,
	[KIND_CAPABILITIES] = on_capabilities,
	[KIND_PATH] = on_path,
	[KIND_IDENTITY] = on_identity,
	[KIND_IDENTITIES] = on_identities,
	[KIND_ARGUMENTS] = on_arguments,
	[KIND_FILES] = on_files,
	[KIND_PROCESS_NAMES] = on_process_names,
	[KIND_OUTPUT] = on_output,
	[KIND_ENVIRONMENT] = on_environment,
	[KIND_INHERITS] = on_inherits,
	[KIND_PROCESS] = on_process,
	[KIND_PROCESSES] = on_processes,
	[KIND_HUGEPAGES] = on_hugepages,
	[KIND_DRIFT] = on_drift,
	[KIND_SURPLUS] = on_surplus,
	[KIND_HUGETLBFS] = on_hugetlbfs,
	[KIND_FILE_PATTERNS] = on_file_patterns,
	[KIND_SYSCTL_NAMES] = on_sysctl_names,
	[KIND_MODE] = on_mode,
	[KIND_WISH_WORD] = on_enum,
	[KIND_WISH_CHOICE] = on_enum,
	[KIND_WISH_SIZES] = on_sizes,
	[KIND_WISH_NUMBER] = on_integer,
	[KIND_WISH_NUMBERS] = on_numbers,
	[KIND_WISH_KIB] = on_size,
	[KIND_WISH_MSEC] = on_duration,
	[KIND_SYSCTL] = on_sysctl,
};

static void write_default(struct json *j, const struct field *f) {
	int64_t number;

	if (!f->fallback)
		return;
	if (parse_i64(f->fallback, &number) == 0)
		json_int(j, "default", number);
	else
		json_string(j, "default", f->fallback);
}

static void write_rows(struct json *j, const struct field *table) {
	json_string(j, "type", "object");
	json_object_begin(j, "properties");
	for (const struct field *f = table; f->name; f++) {
		json_object_begin(j, f->name);
		json_string(j, "description", f->doc);
		writers[f->kind](j, f);
		write_default(j, f);
		json_object_end(j);
	}
	json_object_end(j);
	json_bool(j, "additionalProperties", false);
}

int schema_print(FILE *out) {
	struct json j;

	json_init(&j, out, 2);
	json_object_begin(&j, NULL);
	json_string(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_string(&j, "$id", "urn:rtmem:policy:1");
	json_string(&j, "title", "rtmem policy");
	write_rows(&j, file_fields);
	json_array_begin(&j, "required");
	json_string(&j, NULL, "version");
	json_array_end(&j);
	json_object_begin(&j, "$defs");
	json_object_begin(&j, "process");
	write_rows(&j, process_fields);
	json_object_end(&j);
	json_object_end(&j);
	json_object_end(&j);
	return ferror(out) ? -EIO : 0;
}
