/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memlock budget as arithmetic. */
#include "libpolicy/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static struct process_policy policy(void) {
	struct process_policy p = { 0 };

	p.memory.heap.arenas = 1;
	p.memory.heap.prealloc_bytes = 150 * MIB;
	p.memory.stack.main_bytes = MIB;
	p.memory.stack.threads_bytes = MIB / 4;
	p.memory.stack.expected_threads = 8;
	return p;
}

static const struct budget_line *line(const struct budget *b, const char *what) {
	for (size_t i = 0; i < b->n_lines; i++)
		if (strcmp(b->lines[i].what, what) == 0)
			return &b->lines[i];
	return NULL;
}

static void the_lines_add_up_to_the_total(void **state) {
	struct process_policy p = policy();
	uint64_t sum = 0;
	struct budget b;

	budget_compute(&p, 10 * MIB, 8 * MIB, &b);
	for (size_t i = 0; i < b.n_lines; i++) {
		assert_int_equal(b.lines[i].bytes, b.lines[i].count * b.lines[i].unit_bytes);
		sum += b.lines[i].bytes;
	}
	assert_int_equal(sum, b.total_bytes);
	assert_int_equal(line(&b, "threads")->bytes, 2 * MIB);
	assert_string_equal(line(&b, "threads")->source, "memory.stack.threads");
	assert_int_equal(line(&b, "margin")->bytes, (10 + 1 + 2 + 150) * MIB / 100 * 10);
}

static void threads_without_a_size_take_the_default_one(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.stack.threads_bytes = 0;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_int_equal(line(&b, "threads")->bytes, 64 * MIB);
}

static void another_allocator_has_its_price(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.heap.arenas = 0;
	p.memory.heap.allocator = ALLOCATOR_MIMALLOC;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_int_equal(line(&b, "heap")->bytes, 150 * MIB);
	assert_int_equal(line(&b, "allocator")->bytes, (192 - 150) * MIB);
	p.memory.heap.allocator = ALLOCATOR_JEMALLOC;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_int_equal(line(&b, "allocator")->bytes, (75 + 32) * MIB);
	p.memory.heap.allocator = ALLOCATOR_GLIBC;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_null(line(&b, "allocator"));
}

static void huge_pages_are_no_locked_memory(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.heap.pages = HEAP_PAGES_2M;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_null(line(&b, "heap"));
}

static void a_fallback_to_ordinary_pages_counts(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.heap.pages = HEAP_PAGES_2M;
	p.memory.heap.pages_fallback = PAGES_FALLBACK_ALLOW;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_int_equal(line(&b, "heap")->bytes, 150 * MIB);
}

static void what_is_nothing_has_no_line(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.heap.prealloc_bytes = 0;
	p.memory.stack.expected_threads = 0;
	budget_compute(&p, 0, 8 * MIB, &b);
	assert_null(line(&b, "image"));
	assert_null(line(&b, "threads"));
	assert_null(line(&b, "heap"));
	assert_null(line(&b, "further arenas"));
	assert_non_null(line(&b, "main stack"));
}

static void each_arena_after_the_first_reserves_64_mib(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.heap.arenas = 3;
	budget_compute(&p, 0, 0, &b);
	assert_int_equal(line(&b, "further arenas")->bytes, 128 * MIB);
}

static void absurd_numbers_saturate(void **state) {
	struct process_policy p = policy();
	struct budget b;

	p.memory.stack.threads_bytes = UINT64_MAX / 2;
	budget_compute(&p, UINT64_MAX - 5, 0, &b);
	assert_true(b.total_bytes == BYTES_UNLIMITED);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lines_add_up_to_the_total),
		cmocka_unit_test(threads_without_a_size_take_the_default_one),
		cmocka_unit_test(another_allocator_has_its_price),
		cmocka_unit_test(huge_pages_are_no_locked_memory),
		cmocka_unit_test(a_fallback_to_ordinary_pages_counts),
		cmocka_unit_test(what_is_nothing_has_no_line),
		cmocka_unit_test(each_arena_after_the_first_reserves_64_mib),
		cmocka_unit_test(absurd_numbers_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
