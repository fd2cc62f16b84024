/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* perf's ring as the kernel writes it, and as no kernel should. */
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/watch/rings.h"

/* As perf_event_open(2) has it for IDENTIFIER | IP | TID | TIME | ADDR */
struct sample {
	struct perf_event_header header;
	uint64_t id, instruction;
	uint32_t pid, tid;
	uint64_t time, address;
};
struct lost {
	struct perf_event_header header;
	uint64_t id, n_lost;
	uint64_t sample_id;
};

struct tape {
	struct ring ring;
	struct rings rings;
	struct perf_event_mmap_page *page;
	char *data;
	struct ring_record seen[8];
	size_t n_seen;
};

static int setup(void **state) {
	struct tape *t = calloc(1, sizeof(*t));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!t)
		return -1;
	t->page = aligned_alloc(page, page + RING_BYTES);
	if (!t->page)
		return -1;
	memset(t->page, 0xee, page + RING_BYTES);
	t->page->data_head = t->page->data_tail = 0;
	t->data = (char *)t->page + page;
	t->ring = (struct ring){ .fd = -1, .map = t->page };
	t->rings = (struct rings){ .items = &t->ring, .n_items = 1 };
	*state = t;
	return 0;
}

static int teardown(void **state) {
	struct tape *t = *state;

	free(t->page);
	free(t);
	return 0;
}

static void start_at(struct tape *t, uint64_t offset) {
	t->page->data_head = t->page->data_tail = offset;
}

static void put(struct tape *t, const void *record, size_t size) {
	for (size_t i = 0; i < size; i++)
		t->data[(t->page->data_head + i) % RING_BYTES] = ((const char *)record)[i];
	t->page->data_head += size;
}

static void put_sample(struct tape *t, uint32_t tid) {
	struct sample s = { .header = { PERF_RECORD_SAMPLE, 0, sizeof(s) },
		.id = 11,
		.instruction = 0x1000 + tid,
		.pid = 7,
		.tid = tid,
		.time = 5,
		.address = 0x2000 + tid };

	put(t, &s, sizeof(s));
}

static void on_record(const struct ring_record *record, void *userdata) {
	struct tape *t = userdata;

	assert_true(t->n_seen < 8);
	t->seen[t->n_seen++] = *record;
}

/* Drains; this many records come, and nothing is left. */
static void expect_records(struct tape *t, size_t n) {
	t->n_seen = 0;
	rings_drain(&t->rings, on_record, t);
	assert_int_equal(t->n_seen, n);
	assert_int_equal(t->page->data_tail, t->page->data_head);
}

static void expect_sample(const struct ring_record *r, pid_t tid) {
	assert_int_equal(r->event_id, 11);
	assert_int_equal(r->pid, 7);
	assert_int_equal(r->tid, tid);
	assert_int_equal(r->instruction, 0x1000 + tid);
	assert_int_equal(r->address, 0x2000 + tid);
	assert_int_equal(r->n_lost, 0);
}

static void an_empty_ring_has_no_records(void **state) {
	expect_records(*state, 0);
	start_at(*state, 12345678 * 8ull);
	expect_records(*state, 0);
}

static void samples_come_in_order_and_once(void **state) {
	struct tape *t = *state;

	for (uint32_t tid = 7; tid < 10; tid++)
		put_sample(t, tid);
	expect_records(t, 3);
	for (int i = 0; i < 3; i++)
		expect_sample(&t->seen[i], 7 + i);
	expect_records(t, 0);
}

static void a_record_may_wrap_anywhere(void **state) {
	struct tape *t = *state;

	for (uint64_t before = 0; before <= sizeof(struct sample) + 8; before += 8) {
		start_at(t, 3ull * RING_BYTES - before);
		put_sample(t, 9);
		put_sample(t, 10);
		expect_records(t, 2);
		expect_sample(&t->seen[0], 9);
		expect_sample(&t->seen[1], 10);
	}
}

static void lost_records_are_counted(void **state) {
	struct tape *t = *state;
	struct lost l = { .header = { PERF_RECORD_LOST, 0, sizeof(l) }, .id = 11, .n_lost = 42 };

	put(t, &l, sizeof(l));
	put_sample(t, 7);
	l.n_lost = 0; /* no news */
	put(t, &l, sizeof(l));
	expect_records(t, 2);
	assert_int_equal(t->seen[0].event_id, 11);
	assert_int_equal(t->seen[0].n_lost, 42);
	expect_sample(&t->seen[1], 7);
}

static void other_records_are_passed_over(void **state) {
	static const uint32_t types[] = { 0, PERF_RECORD_MMAP, PERF_RECORD_THROTTLE, 0xffffffff };
	struct tape *t = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct sample s = { .header = { types[i], 0, sizeof(s) } };

		put(t, &s, sizeof(s));
	}
	put_sample(t, 7);
	expect_records(t, 1);
	expect_sample(&t->seen[0], 7);
}

static void forks_are_told_and_threads_are_not(void **state) {
	struct tape *t = *state;
	struct {
		struct perf_event_header header;
		uint32_t pid, parent_pid, tid, parent_tid;
		uint64_t time;
	} f = { { PERF_RECORD_FORK, 0, sizeof(f) }, 5, 5, 6, 5, 0 };

	put(t, &f, sizeof(f));
	f.pid = f.tid = 9;
	f.parent_tid = 6;
	put(t, &f, sizeof(f));
	expect_records(t, 1);
	assert_int_equal(t->seen[0].kind, RING_FORK);
	assert_int_equal(t->seen[0].pid, 5);
	assert_int_equal(t->seen[0].tid, 6);
	assert_int_equal(t->seen[0].child, 9);
}

static void programs_executed_are_told_and_names_are_not(void **state) {
	struct tape *t = *state;
	struct {
		struct perf_event_header header;
		uint32_t pid, tid;
		char name[8];
	} c = { { PERF_RECORD_COMM, 0, sizeof(c) }, 5, 5, "worker" };

	put(t, &c, sizeof(c));
	c.header.misc = PERF_RECORD_MISC_COMM_EXEC;
	put(t, &c, sizeof(c));
	expect_records(t, 1);
	assert_int_equal(t->seen[0].kind, RING_EXEC);
	assert_int_equal(t->seen[0].pid, 5);
}

static void a_record_too_short_for_its_kind_is_passed_over(void **state) {
	struct tape *t = *state;
	struct sample s = { .header = { PERF_RECORD_SAMPLE, 0, sizeof(s) - 8 } };
	struct lost l = { .header = { PERF_RECORD_LOST, 0, sizeof(l.header) } };

	put(t, &s, sizeof(s) - 8);
	put(t, &l, sizeof(l.header));
	put_sample(t, 7);
	expect_records(t, 1);
	expect_sample(&t->seen[0], 7);
}

static void a_longer_record_of_a_later_kernel_is_understood(void **state) {
	struct tape *t = *state;
	struct {
		struct sample s;
		uint64_t more[3];
	} record = { .s.header = { PERF_RECORD_SAMPLE, 0, sizeof(record) }, .s.tid = 3 };

	put(t, &record, sizeof(record));
	put_sample(t, 7);
	expect_records(t, 2);
	assert_int_equal(t->seen[0].tid, 3);
	expect_sample(&t->seen[1], 7);
}

/* As RING_CALL_SAMPLE has it: what the tracepoint says follows with its size */
struct called {
	struct perf_event_header header;
	uint64_t id;
	uint32_t pid, tid;
	uint32_t raw_size;
	unsigned char raw[68];
};

static void put_call(struct tape *t, uint32_t tid, uint32_t raw_size) {
	struct called c = { .header = { PERF_RECORD_SAMPLE, 0, sizeof(c) },
		.id = 11,
		.pid = 7,
		.tid = tid,
		.raw_size = raw_size };

	for (size_t i = 0; i < sizeof(c.raw); i++)
		c.raw[i] = (unsigned char)(tid + i);
	put(t, &c, sizeof(c));
}

static void a_call_comes_with_what_the_tracepoint_says(void **state) {
	struct tape *t = *state;

	t->rings.of_calls = true;
	for (uint64_t before = 0; before <= sizeof(struct called) + 8; before += 8) {
		start_at(t, 3ull * RING_BYTES - before);
		put_call(t, 9, 68);
		expect_records(t, 1);
		assert_int_equal(t->seen[0].kind, RING_CALL);
		assert_int_equal(t->seen[0].pid, 7);
		assert_int_equal(t->seen[0].tid, 9);
		assert_int_equal(t->seen[0].raw_size, 68);
		for (size_t i = 0; i < 68; i++)
			assert_int_equal(t->seen[0].raw[i], 9 + i);
	}
}

static void a_size_beyond_the_record_is_not_believed(void **state) {
	struct tape *t = *state;
	struct called c = { .header = { PERF_RECORD_SAMPLE, 0, offsetof(struct called, raw) - 8 } };

	t->rings.of_calls = true;
	put_call(t, 9, 0xffffffff);
	put(t, &c, c.header.size); /* too short for any */
	put_call(t, 10, 4);
	expect_records(t, 2);
	assert_int_equal(t->seen[0].raw_size, 68);
	assert_int_equal(t->seen[1].tid, 10);
	assert_int_equal(t->seen[1].raw_size, 4);
}

static void sizes_that_make_no_sense_end_the_reading(void **state) {
	static const uint16_t sizes[] = { 0, 1, 7, sizeof(struct sample) + 8, 0xffff };
	struct tape *t = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sample s = { .header = { PERF_RECORD_SAMPLE, 0, sizes[i] } };

		put_sample(t, 7);
		put(t, &s, sizeof(s));
		expect_records(t, 1);
		expect_sample(&t->seen[0], 7);
	}
}

static void less_than_a_header_is_no_record(void **state) {
	struct tape *t = *state;

	put_sample(t, 7);
	put(t, "abcd", 4);
	expect_records(t, 1);
}

static void all_rings_are_drained(void **state) {
	struct tape *t = *state, *other;
	struct ring both[2];

	assert_int_equal(setup((void **)&other), 0);
	both[0] = t->ring;
	both[1] = other->ring;
	t->rings = (struct rings){ .items = both, .n_items = 2 };
	put_sample(t, 7);
	put_sample(other, 8);
	expect_records(t, 2);
	expect_sample(&t->seen[1], 8);
	assert_int_equal(teardown((void **)&other), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		CASE(an_empty_ring_has_no_records),
		CASE(samples_come_in_order_and_once),
		CASE(a_record_may_wrap_anywhere),
		CASE(lost_records_are_counted),
		CASE(other_records_are_passed_over),
		CASE(forks_are_told_and_threads_are_not),
		CASE(programs_executed_are_told_and_names_are_not),
		CASE(a_record_too_short_for_its_kind_is_passed_over),
		CASE(a_longer_record_of_a_later_kernel_is_understood),
		CASE(a_call_comes_with_what_the_tracepoint_says),
		CASE(a_size_beyond_the_record_is_not_believed),
		CASE(sizes_that_make_no_sense_end_the_reading),
		CASE(less_than_a_header_is_no_record),
		CASE(all_rings_are_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
