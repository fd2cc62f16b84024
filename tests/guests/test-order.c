/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order for libinit, and the report that comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/handoff.h"

static const struct init_order full = {
	.lock = INIT_LOCK_BALANCED,
	.heap_prealloc_bytes = 157286400,
	.arenas = 4,
	.main_stack_bytes = 1048576,
	.thread_stack_bytes = UINT64_MAX,
	.non_dumpable = true,
	.allocator = INIT_ALLOCATOR_JEMALLOC,
	.heap_page_bytes = 2u << 20,
	.heap_page_fallback = true,
	.host_reserve_bytes = 64u << 20,
	.stack_reserve = 4,
	.fork = INIT_FORK_DENY,
	.children = true,
	.seal = true,
	.settle_usec = 500000,
	.report_fd = 7,
};

static void an_order_survives_its_text(void **state) {
	char text[INIT_ORDER_TEXT_MAX];
	struct init_order o;

	memset(&o, 0xff, sizeof(o));
	assert_int_equal(init_order_format(&full, text, sizeof(text)), 0);
	assert_int_equal(init_order_parse(text, &o), 0);
	assert_int_equal(o.lock, full.lock);
	assert_int_equal(o.heap_prealloc_bytes, full.heap_prealloc_bytes);
	assert_int_equal(o.arenas, full.arenas);
	assert_int_equal(o.main_stack_bytes, full.main_stack_bytes);
	assert_true(o.thread_stack_bytes == full.thread_stack_bytes);
	assert_int_equal(o.non_dumpable, full.non_dumpable);
	assert_int_equal(o.allocator, full.allocator);
	assert_int_equal(o.heap_page_bytes, full.heap_page_bytes);
	assert_int_equal(o.heap_page_fallback, full.heap_page_fallback);
	assert_int_equal(o.host_reserve_bytes, full.host_reserve_bytes);
	assert_int_equal(o.stack_reserve, full.stack_reserve);
	assert_int_equal(o.fork, full.fork);
	assert_int_equal(o.children, full.children);
	assert_int_equal(o.seal, full.seal);
	assert_int_equal(o.settle_usec, full.settle_usec);
	assert_int_equal(o.report_fd, full.report_fd);
}

static void the_text_is_the_documented_one(void **state) {
	char text[INIT_ORDER_TEXT_MAX];

	assert_int_equal(init_order_format(&full, text, sizeof(text)), 0);
	assert_string_equal(text,
		"1 lock=balanced heap=157286400 arenas=4 allocator=jemalloc heap_page=2097152 "
		"heap_page_fallback=1 host_reserve=67108864 main_stack=1048576 "
		"thread_stack=18446744073709551615 stack_reserve=4 non_dumpable=1 fork=deny "
		"children=1 seal=1 settle=500000 report=7");
}

static void a_buffer_too_small_is_said_so(void **state) {
	char text[INIT_ORDER_TEXT_MAX];
	size_t needed;

	assert_int_equal(init_order_format(&full, text, sizeof(text)), 0);
	needed = strlen(text) + 1;
	for (size_t size = 0; size < needed; size++)
		assert_int_equal(init_order_format(&full, text, size), -ENOBUFS);
	assert_int_equal(init_order_format(&full, text, needed), 0);
}

static void keys_left_out_mean_nothing_asked(void **state) {
	struct init_order o;

	assert_int_equal(init_order_parse("1 lock=strict", &o), 0);
	assert_int_equal(o.lock, INIT_LOCK_STRICT);
	assert_int_equal(o.heap_prealloc_bytes, 0);
	assert_int_equal(o.report_fd, -1);
}

static void garbage_is_refused_and_the_result_untouched(void **state) {
	static const char *const texts[] = {
		"",
		" ",
		"lock=strict",
		"1",
		"1lock=strict",
		"1 ",
		"1  lock=strict",
		"1 lock=strict ",
		"1 lock=hard",
		"1 lock=",
		"1 heap=5",
		"1 lock=strict heap",
		"1 lock=strict heap=",
		"1 lock=strict heap=-5",
		"1 lock=strict heap=5M",
		"1 lock=strict heap=18446744073709551616",
		"1 lock=strict heap=1 heap=2",
		"1 lock=strict arenas=4294967296",
		"1 lock=strict non_dumpable=2",
		"1 lock=strict report=-2",
		"1 lock=strict report=2147483648",
		"1 lock=strict unknown=1",
		"1 heap=000000000000000000000000000000000000000000000000000000000000000000001",
		"1 lock=strict\theap=5",
		"\xff\xfe",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct init_order o = { .arenas = 77 };

		if (init_order_parse(texts[i], &o) != -EINVAL)
			fail_msg("accepted: '%s'", texts[i]);
		assert_int_equal(o.arenas, 77);
	}
}

static void another_version_is_told_apart(void **state) {
	struct init_order o;

	assert_int_equal(init_order_parse("2 lock=strict", &o), -EPROTONOSUPPORT);
	assert_int_equal(init_order_parse("11 lock=strict", &o), -EPROTONOSUPPORT);
}

/* ---- report ------------------------------------------------------------------------------------ */

static void a_report_arrives_whole(void **state) {
	struct report sent, got;
	char data[sizeof(struct report) + 1];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	report_init(&sent, REPORT_INIT);
	sent.heap_bytes = 42;
	strcpy(sent.text, "good");
	assert_int_equal(report_send(fds[0], &sent), 0);
	assert_int_equal(recv(fds[1], data, sizeof(data), 0), sizeof(sent));
	assert_int_equal(report_check(data, sizeof(sent), &got), 0);
	assert_memory_equal(&sent, &got, sizeof(sent));
	assert_int_equal(got.pid, getpid());
	close(fds[1]);
	assert_int_equal(report_send(fds[0], &sent), -EPIPE); /* and no SIGPIPE */
	close(fds[0]);
}

static void a_report_to_nobody_is_no_error(void **state) {
	struct report r;

	report_init(&r, REPORT_INIT);
	assert_int_equal(report_send(-1, &r), 0);
}

static void a_full_socket_does_not_block_the_program(void **state) {
	struct report r;
	int fds[2], result = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	report_init(&r, REPORT_INIT);
	for (int i = 0; i < 100000 && result == 0; i++)
		result = report_send(fds[0], &r);
	assert_int_equal(result, -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

static void a_hostile_report_is_refused_or_tamed(void **state) {
	struct report r, got;

	report_init(&r, REPORT_INIT);
	assert_int_equal(report_check(&r, sizeof(r) - 1, &got), -EBADMSG);
	assert_int_equal(report_check(&r, 0, &got), -EBADMSG);
	r.kind = REPORT_KIND_MAX;
	assert_int_equal(report_check(&r, sizeof(r), &got), -EBADMSG);
	r.kind = 0;
	assert_int_equal(report_check(&r, sizeof(r), &got), -EBADMSG);
	report_init(&r, REPORT_INIT);
	r.version++;
	assert_int_equal(report_check(&r, sizeof(r), &got), -EBADMSG);
	report_init(&r, REPORT_INIT);
	r.magic++;
	assert_int_equal(report_check(&r, sizeof(r), &got), -EBADMSG);
	report_init(&r, REPORT_INIT);
	memset(r.step, 'x', sizeof(r.step));
	memset(r.malloc_owner, 'x', sizeof(r.malloc_owner));
	memset(r.text, 'x', sizeof(r.text));
	assert_int_equal(report_check(&r, sizeof(r), &got), 0);
	assert_int_equal(strlen(got.step), sizeof(got.step) - 1);
	assert_int_equal(strlen(got.malloc_owner), sizeof(got.malloc_owner) - 1);
	assert_int_equal(strlen(got.text), sizeof(got.text) - 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_survives_its_text),
		cmocka_unit_test(the_text_is_the_documented_one),
		cmocka_unit_test(a_buffer_too_small_is_said_so),
		cmocka_unit_test(keys_left_out_mean_nothing_asked),
		cmocka_unit_test(garbage_is_refused_and_the_result_untouched),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_report_arrives_whole),
		cmocka_unit_test(a_report_to_nobody_is_no_error),
		cmocka_unit_test(a_full_socket_does_not_block_the_program),
		cmocka_unit_test(a_hostile_report_is_refused_or_tamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
