/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory runs out at each allocation in turn: the answer is always -ENOMEM, never half a policy, and
 * (under valgrind or AddressSanitizer) nothing leaks. Allocations of libpolicy and common are counted
 * by wrappers; those inside libyaml and libc aren't.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/libpolicy/parse.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static unsigned left = -1u; /* allocations that still succeed */

static bool runs_out(void) {
	if (left == -1u)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size) {
	return runs_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
	return runs_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
	return runs_out() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
	return runs_out() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s) {
	return runs_out() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n) {
	return runs_out() ? NULL : __real_strndup(s, n);
}

/* Result of parsing with so many allocations; *ret_enough: not all of them were needed. */
static int parse_with(unsigned allocations, const char *text, bool *ret_enough) {
	_cleanup_diagnostics_ struct diagnostics d = { 0 };
	_cleanup_policy_set_ struct policy_set *set = NULL;
	int r;

	left = allocations;
	r = policy_set_parse("test.yaml", text, strlen(text), &set, &d);
	*ret_enough = left > 0;
	left = -1u;
	assert_int_equal(r == 0, set != NULL);
	return r;
}

static void run_out_everywhere(const char *text, int wanted) {
	bool enough = false;
	unsigned n = 0;

	for (; n < 100000; n++) {
		int r = parse_with(n, text, &enough);

		if (enough) {
			assert_int_equal(r, wanted);
			break;
		}
		assert_true(r == -ENOMEM || r == wanted);
		if (r == wanted) /* only if the very last allocation was the last one needed */
			assert_int_equal(parse_with(n + 1, text, &enough), wanted);
	}
	assert_in_range(n, 20, 99999);
}

static void a_good_policy_is_read_whole_or_not_at_all(void **state) {
	run_out_everywhere(VERSION_LINE
		"host: { hugepages: { 2M: { node0: 1 } }, sysctl: { vm.swappiness: 0 } }\n"
		"defaults: { user: robot, working_directory: / }\n"
		"profiles:\n  rt: { groups: [a, b], environment: { A: x, B: y } }\n"
		"processes:\n  p: { command: [a, b], inherits: rt, environment: { A: z } }\n"
		"  q: { command: [a], capabilities: [ipc_lock], groups: [] }\n",
		0);
}

static void a_bad_policy_is_refused_for_what_is_wrong_or_for_memory(void **state) {
	run_out_everywhere(VERSION_LINE
		"processes:\n  p: { comand: [a], memory: { lock: strickt }, user: 1.5 }\n"
		"  q: { command: [a], inherits: [x], scheduling: { policy: fifo } }\n",
		-EINVAL);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_policy_is_read_whole_or_not_at_all),
		cmocka_unit_test(a_bad_policy_is_refused_for_what_is_wrong_or_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
