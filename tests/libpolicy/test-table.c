/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of keys held to its own promises: each row documented, its default and its example valid,
 * its limits those of the kernel; and `explain`, which reads the table to people.
 */
#include <stdlib.h>

#include "common/plan.h"
#include "libpolicy/fields.h"
#include "libpolicy/schema.h"
#include "tests/libpolicy/parse.h"

typedef void (*row_check)(const char *key, const struct field *f);

static void each_row(const struct field *table, const char *prefix, row_check check) {
	for (const struct field *f = table; f->name; f++) {
		char key[128];

		snprintf(key, sizeof(key), "%s%s", prefix, f->name);
		check(key, f);
		strcat(key, ".");
		if (f->kind == KIND_MAPPING)
			each_row(f->keys, key, check);
	}
}

static void check_words(const char *key, const struct field *f) {
	char allowed[FIELD_ALLOWED_MAX];

	assert_non_null(f->doc);
	assert_int_equal(f->doc[strlen(f->doc) - 1], '.');
	assert_int_not_equal(strlen(field_allowed(f, allowed, sizeof(allowed))), 0);
	assert_true(f->keys || f->example);
	assert_ptr_equal(field_find(f, f->name), f);
}

static void every_row_is_documented(void **state) {
	each_row(file_fields, "", check_words);
	each_row(process_fields, "", check_words);
}

/* Writes key: value as nested flow mappings, so that any key fits into one line. */
static void write_nested(const char *key, const char *value, char *buf, size_t size) {
	size_t used = 0, depth = 0;

	for (const char *p = key; *p; depth++) {
		size_t len = strcspn(p, ".");

		used += (size_t)snprintf(
			buf + used, size - used, "%s%.*s: ", depth ? "{ " : "", (int)len, p);
		p += len + (p[len] == '.');
	}
	used += (size_t)snprintf(buf + used, size - used, "%s", value);
	while (--depth > 0)
		used += (size_t)snprintf(buf + used, size - used, " }");
}

static void check_value(const char *key, const char *value) {
	static const char frame[] = VERSION_LINE
		"profiles:\n  realtime: {}\n  logging: {}\n"
		"processes:\n  broker: { command: [/bin/true] }\n  a:\n    limits: { rtprio: 99 }\n    %s\n    %s\n";
	_cleanup_policy_set_ struct policy_set *set = NULL;
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	char line[512], text[1024];
	bool is_command = strcmp(key, "command") == 0;

	write_nested(key, value, line, sizeof(line));
	snprintf(text, sizeof(text), frame, is_command ? "" : "command: [/bin/true]", line);
	(void)policy_set_parse("test.yaml", text, strlen(text), &set, &d);
	for (size_t i = 0; i < d.n_items; i++) /* rules across keys may well object */
		if (strcmp(d.items[i].id, "duplicate-key") != 0 &&
			strcmp(d.items[i].id, "priority-without-realtime") != 0 &&
			strcmp(d.items[i].id, "realtime-without-priority") != 0)
			fail_msg("%s: %s", line, d.items[i].message);
}

static void check_values(const char *key, const struct field *f) {
	if (f->example)
		check_value(key, f->example);
	if (f->fallback)
		check_value(key, f->fallback);
}

static void every_default_and_example_is_valid(void **state) {
	each_row(process_fields, "", check_values);
}

static void every_limit_of_the_kernel_is_a_key(void **state) {
	const struct field *limits = field_find(process_fields, "limits");
	size_t n = 0;

	for (const struct field *f = limits->keys; f->name; f++, n++) {
		int resource = rlimit_from_string(f->name);

		assert_true(resource >= 0);
		assert_int_equal(f->offset,
			offsetof(struct process_policy, limits) +
				(size_t)resource * sizeof(struct limit));
	}
	assert_int_equal(n, RLIM_NLIMITS);
}

static char *explained(const char *key, int wanted) {
	const char *suggestion = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(explain_print(key, out, &suggestion), wanted);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void keys_are_explained_by_any_tail(void **state) {
	static const char *const keys[] = { "lock", "memory.lock", "processes.*.memory.lock",
		"processes.camera.memory.lock", "profiles.rt.memory.lock", "defaults.memory.lock" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		_cleanup_free_ char *text = explained(keys[i], 0);

		assert_int_equal(strncmp(text, "processes.*.memory.lock\n", 24), 0);
		assert_non_null(strstr(text, "none, strict, balanced, onfault"));
		assert_non_null(strstr(text, "Default   strict"));
	}
}

static void a_name_in_several_places_is_explained_in_each(void **state) {
	_cleanup_free_ char *text = explained("when", 0);

	assert_non_null(strstr(text, "processes.*.ready.when\n"));
	assert_non_null(strstr(text, "processes.*.restart.when\n"));
}

static void an_unknown_key_gets_a_suggestion(void **state) {
	_cleanup_free_ char *text = explained("wibble", -ENOENT);
	const char *suggestion = NULL;

	assert_string_equal(text, "");
	assert_int_equal(explain_print("memory.lokc", stdout, &suggestion), -ENOENT);
	assert_string_equal(suggestion, "lock");
	assert_int_equal(explain_print("", stdout, NULL), -ENOENT);
	assert_int_equal(explain_print("restart.lock", stdout, NULL), -ENOENT);
}

static void all_keys_are_listed_one_to_a_line(void **state) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(explain_print_all(out), 0);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(text, "\nprocesses.*.memory.heap.prealloc "));
	assert_non_null(strstr(text, "\nhost.sysctl "));
	assert_null(strstr(text, "profiles.*."));
	free(text);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_documented),
		cmocka_unit_test(every_default_and_example_is_valid),
		cmocka_unit_test(every_limit_of_the_kernel_is_a_key),
		cmocka_unit_test(keys_are_explained_by_any_tail),
		cmocka_unit_test(a_name_in_several_places_is_explained_in_each),
		cmocka_unit_test(an_unknown_key_gets_a_suggestion),
		cmocka_unit_test(all_keys_are_listed_one_to_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
