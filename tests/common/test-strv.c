/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* String vectors and environments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/strv.h"

static void null_is_the_empty_vector(void **state) {
	_cleanup_strv_ char **copy = NULL;

	assert_int_equal(strv_length(NULL), 0);
	assert_false(strv_contains(NULL, "a"));
	assert_int_equal(strv_copy(NULL, &copy), 0);
	assert_null(copy);
	assert_null(strv_env_get(NULL, "A"));
	assert_null(strv_free(NULL));
}

static void appending_copies(void **state) {
	_cleanup_strv_ char **v = NULL;
	char text[] = "a";

	assert_int_equal(strv_append(&v, text), 0);
	text[0] = 'x';
	assert_int_equal(strv_append(&v, ""), 0);
	assert_int_equal(strv_length(v), 2);
	assert_string_equal(v[0], "a");
	assert_string_equal(v[1], "");
	assert_null(v[2]);
	assert_true(strv_contains(v, ""));
}

static void a_copy_is_independent(void **state) {
	_cleanup_strv_ char **v = NULL, **copy = NULL;

	assert_int_equal(strv_append(&v, "a"), 0);
	assert_int_equal(strv_copy(v, &copy), 0);
	v[0][0] = 'x';
	assert_string_equal(copy[0], "a");
}

static void setting_a_variable_replaces_it_in_place(void **state) {
	_cleanup_strv_ char **v = NULL;

	assert_int_equal(strv_env_set(&v, "A=1"), 0);
	assert_int_equal(strv_env_set(&v, "AB=2"), 0);
	assert_int_equal(strv_env_set(&v, "A=3=4"), 0);
	assert_int_equal(strv_length(v), 2);
	assert_string_equal(v[0], "A=3=4");
	assert_string_equal(strv_env_get(v, "A"), "3=4");
	assert_string_equal(strv_env_get(v, "AB"), "2");
	assert_null(strv_env_get(v, "B"));
}

static void an_assignment_needs_a_name(void **state) {
	_cleanup_strv_ char **v = NULL;

	assert_int_equal(strv_env_set(&v, "A"), -EINVAL);
	assert_int_equal(strv_env_set(&v, "=1"), -EINVAL);
	assert_null(v);
}

static void splitting_drops_empty_pieces(void **state) {
	_cleanup_strv_ char **v = NULL, **none = NULL;

	assert_int_equal(strv_split(":a::b c:", ": ", &v), 0);
	assert_int_equal(strv_length(v), 3);
	assert_string_equal(v[0], "a");
	assert_string_equal(v[1], "b");
	assert_string_equal(v[2], "c");
	assert_int_equal(strv_split("::", ":", &none), 0);
	assert_int_equal(strv_length(none), 0);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_the_empty_vector),
		cmocka_unit_test(appending_copies),
		cmocka_unit_test(a_copy_is_independent),
		cmocka_unit_test(setting_a_variable_replaces_it_in_place),
		cmocka_unit_test(an_assignment_needs_a_name),
		cmocka_unit_test(splitting_drops_empty_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
