/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RTMEM_TESTS_LIBPOLICY_PARSE_H
#define RTMEM_TESTS_LIBPOLICY_PARSE_H

/* Policies as text, for unit tests: what's given starts after `version: 1`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "libpolicy/set.h"

#define VERSION_LINE "version: 1\n"

/** Must be accepted; one reference. */
static inline struct policy_set *parse_good(const char *text) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	struct policy_set *set = NULL;
	int r = policy_set_parse("test.yaml", text, strlen(text), &set, &d);

	if (d.n_items > 0)
		diagnostics_print(&d, stderr, false);
	assert_int_equal(r, 0);
	assert_non_null(set);
	assert_int_equal(set->n_ref, 1);
	return set;
}

/** Must be refused, with the diagnostics that the caller frees. */
static inline void parse_bad(const char *text, size_t len, struct diagnostics *d) {
	struct policy_set *set = NULL;

	*d = (struct diagnostics){ 0 };
	assert_int_equal(policy_set_parse("test.yaml", text, len, &set, d), -EINVAL);
	assert_null(set);
	assert_int_not_equal(d->n_errors, 0);
}

#endif
