/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.seal as it's judged, and how the kernel's records become counts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "judge.h"

#define TID	  124
#define NUMBER_AT 8
#define VALUES_AT 16

static const struct tracepoint point = { .number_at = NUMBER_AT, .values_at = VALUES_AT };
static struct seal seal;
static struct calls calls;

static struct bench *sealed(void **state, enum seal_mode mode) {
	struct bench *b = *state;

	seal = (struct seal){ .calls = &calls };
	calls = (struct calls){ .pid = TID, .tracepoint = &point, .denied = mode == SEAL_DENY };
	b->policy.memory.seal = mode;
	b->evidence.seal = &seal;
	b->memory.seccomp = mode == SEAL_DENY ? 2 : 0;
	seal.asked = seal.in_force = mode == SEAL_DENY;
	return b;
}

static int teardown(void **state) {
	free(TAKE(calls.threads));
	return bench_teardown(state);
}

/* As the kernel tells of a call as it begins, or ends. */
static void call(long number, uint64_t first, uint64_t third, pid_t tid) {
	struct ring_record r = { .kind = RING_CALL, .pid = TID, .tid = tid, .raw_size = 64 };
	int64_t n = number;

	memcpy(r.raw + NUMBER_AT, &n, sizeof(n));
	memcpy(r.raw + VALUES_AT, &first, sizeof(first));
	memcpy(r.raw + VALUES_AT + 16, &third, sizeof(third));
	calls_record(&calls, &r);
}

static void without_a_call_there_is_nothing_to_say(void **state) {
	bench_expect_silence(sealed(state, SEAL_REPORT));
	bench_expect_silence(sealed(state, SEAL_DENY));
}

static void without_a_seal_nobody_minds(void **state) {
	struct bench *b = sealed(state, SEAL_OFF);

	calls.n[SEAL_CALL_MMAP] = 3;
	bench_expect_silence(b);
}

static void calls_are_a_finding_with_their_threads(void **state) {
	struct bench *b = sealed(state, SEAL_REPORT);

	for (int i = 0; i < 3; i++)
		call(SYS_mmap, 0, 3, TID);
	call(SYS_brk, 4096, 0, TID);
	call(SYS_brk, 0, 0, TID); /* a question */
	call(SYS_munmap, 4096, 0, TID + 1);
	bench_expect_finding(b, "seal", "no change of the memory map once ready",
		"mmap 3, munmap 1, brk 1",
		"thread (ended) (tid 124): mmap 3, brk 1; thread (ended) (tid 125): munmap 1");
}

static void a_denied_call_is_known_by_its_result(void **state) {
	struct bench *b = sealed(state, SEAL_DENY);

	call(SYS_mmap, (uint64_t)-ENOMEM, 0, TID);
	call(SYS_mmap, 0x7f0000000000, 0, TID);
	call(SYS_madvise, (uint64_t)-EINVAL, 0, TID);
	bench_expect_finding(b, "seal", "no change of the memory map once ready",
		"denied: mmap 1, madvise 1", "thread (ended) (tid 124): mmap 1, madvise 1");
}

static void records_that_are_missing_are_counted(void **state) {
	struct bench *b = sealed(state, SEAL_REPORT);

	call(SYS_mmap, 0, 3, TID);
	calls_compare(&calls, 10);
	assert_int_equal(calls.n_lost, 0); /* may still be on their way */
	calls_compare(&calls, 10);
	assert_int_equal(calls.n_lost, 9);
	bench_expect_finding(b, "seal", "no change of the memory map once ready", "mmap 1",
		"thread (ended) (tid 124): mmap 1; 9 more, too many at a time");
}

static void a_record_that_came_late_is_none_that_is_missing(void **state) {
	sealed(state, SEAL_REPORT);
	calls_compare(&calls, 1);
	call(SYS_mmap, 0, 3, TID);
	calls_compare(&calls, 1);
	assert_int_equal(calls.n_lost, 0);
}

static void more_threads_than_rows_are_summed_up(void **state) {
	sealed(state, SEAL_REPORT);
	for (int i = 0; i < CALLS_THREADS_MAX + 50; i++)
		call(SYS_mmap, 0, 3, TID + i);
	assert_int_equal(calls.n_threads, CALLS_THREADS_MAX);
	assert_int_equal(calls.n[SEAL_CALL_MMAP], CALLS_THREADS_MAX + 50);
}

static void a_short_record_is_no_call(void **state) {
	struct ring_record r = { .kind = RING_CALL, .tid = TID, .raw_size = NUMBER_AT };

	memset(r.raw, 0xff, sizeof(r.raw));
	sealed(state, SEAL_REPORT);
	calls_record(&calls, &r);
	memset(r.raw, 0, sizeof(r.raw)); /* a number that some architecture may have in the table */
	calls_record(&calls, &r);
	assert_false(calls_any(calls.n));
	assert_int_equal(calls.n_records, 2);
}

static void why_it_is_not_in_force_is_a_finding(void **state) {
	struct bench *b = sealed(state, SEAL_DENY);

	seal.problem = (char *)"thread 7 has a filter of its own";
	bench_expect_finding(b, "seal", "deny", "not in force", "thread 7 has a filter of its own");
	seal.problem = NULL;
	seal.in_force = false;
	bench_expect_silence(b); /* the answer is still to come */
	seal.late = true;
	bench_expect_finding(
		b, "seal", "deny", "not in force", "the library inside doesn't answer");
}

static void the_kernel_is_believed_more_than_the_library(void **state) {
	struct bench *b = sealed(state, SEAL_DENY);

	b->memory.seccomp = 0;
	bench_expect_finding(b, "seal", "deny", "not in force",
		"the library inside says that it is, but the kernel knows of no filter");
}

static void where_calls_cannot_be_counted_the_size_tells(void **state) {
	struct bench *b = sealed(state, SEAL_REPORT);

	calls.error = -EPERM;
	bench_expect_note(b, "seal", "changes are seen by the size of the process");
	seal.n_resized = 2;
	(void)bench_judge(b);
	assert_int_equal(b->findings.n_items, 1);
	assert_string_equal(b->findings.items[0].seen, "another size in 2 readings");
	b = sealed(state, SEAL_DENY);
	calls.error = -EPERM;
	seal.n_resized = 2;
	bench_expect_note(b, "seal", "what is denied is known to the program alone");
}

static const char format[] = "name: sys_enter\nID: 362\nformat:\n"
			     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
			     "\tfield:long id;\toffset:8;\tsize:8;\tsigned:1;\n"
			     "\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n";

static void the_place_of_a_field_is_read_from_its_format(void **state) {
	size_t at = 0;

	assert_int_equal(tracepoint_parse(format, "long id", &at), 0);
	assert_int_equal(at, 8);
	assert_int_equal(tracepoint_parse(format, "unsigned long args[6]", &at), 0);
	assert_int_equal(at, 16);
	assert_int_equal(tracepoint_parse(format, "long ret", &at), -EBADMSG);
	assert_int_equal(
		tracepoint_parse("\tfield:long id;\n\toffset:8;", "long id", &at), -EBADMSG);
	assert_int_equal(tracepoint_parse("\tfield:long id;\toffset:8", "long id", &at), -EBADMSG);
	assert_int_equal(tracepoint_parse("", "long id", &at), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(without_a_call_there_is_nothing_to_say),
		TEST(without_a_seal_nobody_minds),
		TEST(calls_are_a_finding_with_their_threads),
		TEST(a_denied_call_is_known_by_its_result),
		TEST(records_that_are_missing_are_counted),
		TEST(a_record_that_came_late_is_none_that_is_missing),
		TEST(more_threads_than_rows_are_summed_up),
		TEST(a_short_record_is_no_call),
		TEST(why_it_is_not_in_force_is_a_finding),
		TEST(the_kernel_is_believed_more_than_the_library),
		TEST(where_calls_cannot_be_counted_the_size_tells),
		TEST(the_place_of_a_field_is_read_from_its_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
