/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plan over the border: what goes in comes out; what was tampered with doesn't. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "common/handoff.h"
#include "common/units.h"

static void make_plan(struct plan *p) {
	struct step *s = plan_append(p, STEP_RLIMIT, "limits.memlock", NULL);

	assert_non_null(s);
	s->number[0] = RLIMIT_MEMLOCK;
	s->number[1] = s->number[2] = (int64_t)BYTES_UNLIMITED;
	s->optional = true;
	s->why = strdup("CAP_IPC_LOCK makes the limit void");
	assert_non_null(plan_append(p, STEP_ENV_CLEAR, NULL, NULL));
	assert_non_null(plan_append(p, STEP_ENV_SET, "environment", "EMPTY="));
	assert_non_null(plan_append(p, STEP_ARGUMENT, "command", ""));
	assert_non_null(plan_append(p, STEP_EXEC, "command", "/bin/true"));
}

static void assert_same_text(const char *a, const char *b) {
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_plan(const struct plan *a, const struct plan *b) {
	assert_int_equal(a->n_steps, b->n_steps);
	for (size_t i = 0; i < a->n_steps; i++) {
		const struct step *x = &a->steps[i], *y = &b->steps[i];

		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->optional, y->optional);
		assert_memory_equal(x->number, y->number, sizeof(x->number));
		assert_same_text(x->text, y->text);
		assert_same_text(x->key, y->key);
		assert_same_text(x->why, y->why);
	}
}

static void encode(uint8_t **ret, size_t *ret_size) {
	_cleanup_plan_ struct plan p = { 0 };

	make_plan(&p);
	assert_int_equal(handoff_encode(&p, (void **)ret, ret_size), 0);
}

static void what_is_encoded_is_decoded(void **state) {
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	_cleanup_free_ void *data = NULL;
	size_t size;

	make_plan(&p);
	assert_int_equal(handoff_encode(&p, &data, &size), 0);
	assert_int_equal(handoff_decode(data, size, &q), 0);
	assert_same_plan(&p, &q);
}

static void an_empty_plan_is_a_plan(void **state) {
	_cleanup_plan_ struct plan p = { 0 }, q = { 0 };
	_cleanup_free_ void *data = NULL;
	size_t size;

	assert_int_equal(handoff_encode(&p, &data, &size), 0);
	assert_int_equal(handoff_decode(data, size, &q), 0);
	assert_int_equal(q.n_steps, 0);
}

static void every_truncation_is_refused(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan q = { 0 };
	size_t size;

	encode(&data, &size);
	for (size_t n = 0; n < size; n++) {
		/* a block of just that size, so that a sanitizer sees a read behind it */
		_cleanup_free_ uint8_t *part = malloc(n ? n : 1);

		assert_non_null(part);
		memcpy(part, data, n);
		assert_int_equal(handoff_decode(part, n, &q), -EBADMSG);
		assert_null(q.steps);
	}
}

static void a_byte_too_many_is_refused(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan q = { 0 };
	uint32_t total;
	uint8_t *grown;
	size_t size;

	encode(&data, &size);
	grown = realloc(data, size + 1);
	assert_non_null(grown);
	data = grown;
	data[size] = 0;
	assert_int_equal(handoff_decode(data, size + 1, &q), -EBADMSG);
	total = (uint32_t)size + 1; /* and when the header knows about it */
	memcpy(data + 8, &total, sizeof(total));
	assert_int_equal(handoff_decode(data, size + 1, &q), -EBADMSG);
}

static void no_flipped_byte_crashes_or_leaks(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	encode(&data, &size);
	for (size_t n = 0; n < size; n++)
		for (unsigned bit = 0; bit < 8; bit++) {
			_cleanup_plan_ struct plan q = { 0 };
			int r;

			data[n] ^= (uint8_t)(1u << bit);
			r = handoff_decode(data, size, &q);
			assert_true(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
			data[n] ^= (uint8_t)(1u << bit);
		}
}

static void another_version_is_told_apart(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan q = { 0 };
	size_t size;

	encode(&data, &size);
	data[4]++;
	assert_int_equal(handoff_decode(data, size, &q), -EPROTONOSUPPORT);
}

static void an_unknown_kind_is_refused(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan q = { 0 };
	uint16_t kind = STEP_KIND_MAX;
	size_t size;

	encode(&data, &size);
	memcpy(data + 16, &kind, sizeof(kind));
	assert_int_equal(handoff_decode(data, size, &q), -EBADMSG);
}

static void a_text_with_a_nul_is_refused(void **state) {
	_cleanup_free_ uint8_t *data = NULL;
	struct plan q = { 0 };
	size_t size;

	encode(&data, &size);
	data[size - 1] = '\0'; /* the last of the last step's key */
	assert_int_equal(handoff_decode(data, size, &q), -EBADMSG);
}

static void a_step_without_its_text_is_refused(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_free_ void *data = NULL;
	struct plan q = { 0 };
	size_t size;

	assert_non_null(plan_append(&p, STEP_EXEC, NULL, NULL));
	assert_int_equal(handoff_encode(&p, &data, &size), 0);
	assert_int_equal(handoff_decode(data, size, &q), -EBADMSG);
}

static void a_plan_too_large_is_not_encoded(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	_cleanup_free_ char *text = malloc(HANDOFF_PLAN_MAX + 1);
	void *data = NULL;
	size_t size;

	assert_non_null(text);
	memset(text, 'x', HANDOFF_PLAN_MAX);
	text[HANDOFF_PLAN_MAX] = '\0';
	assert_non_null(plan_append(&p, STEP_ARGUMENT, NULL, text));
	assert_int_equal(handoff_encode(&p, &data, &size), -E2BIG);
	assert_null(data);
}

static void a_written_plan_is_sealed_and_reads_back_twice(void **state) {
	_cleanup_plan_ struct plan p = { 0 }, once = { 0 }, twice = { 0 };
	_cleanup_close_ int fd = -1;

	make_plan(&p);
	fd = handoff_write(&p);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(handoff_read(fd, &once), 0);
	assert_same_plan(&p, &once);
	assert_int_equal(handoff_read(fd, &twice), 0);
	assert_same_plan(&p, &twice);
}

static void a_file_that_is_no_plan_is_refused(void **state) {
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct plan q = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(handoff_read(fd, &q), -EBADMSG);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded),
		cmocka_unit_test(an_empty_plan_is_a_plan),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_byte_too_many_is_refused),
		cmocka_unit_test(no_flipped_byte_crashes_or_leaks),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(an_unknown_kind_is_refused),
		cmocka_unit_test(a_text_with_a_nul_is_refused),
		cmocka_unit_test(a_step_without_its_text_is_refused),
		cmocka_unit_test(a_plan_too_large_is_not_encoded),
		cmocka_unit_test(a_written_plan_is_sealed_and_reads_back_twice),
		cmocka_unit_test(a_file_that_is_no_plan_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
