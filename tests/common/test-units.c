/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers with units, both ways. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/units.h"

static uint64_t size_of(const char *text) {
	uint64_t bytes = 42;

	assert_int_equal(parse_size(text, &bytes), 0);
	return bytes;
}

static uint64_t duration_of(const char *text) {
	uint64_t usec = 42;

	assert_int_equal(parse_duration(text, &usec), 0);
	return usec;
}

static void sizes_are_powers_of_1024(void **state) {
	assert_int_equal(size_of("0"), 0);
	assert_int_equal(size_of("4096"), 4096);
	assert_int_equal(size_of("1B"), 1);
	assert_int_equal(size_of("64K"), 65536);
	assert_int_equal(size_of("64KiB"), 65536);
	assert_int_equal(size_of("150M"), 157286400);
	assert_int_equal(size_of("2GiB"), 2147483648);
	assert_int_equal(size_of("1T"), INT64_C(1) << 40);
}

static void a_size_with_an_unknown_unit_is_rejected(void **state) {
	static const char *const texts[] = { "", "K", "1k", "1KB", "1 K", "1.5G", "-1", "+1",
		"0x10", "1Ki", "unlimited", " 1", "1 ", "1P" };
	uint64_t bytes = 42;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(parse_size(texts[i], &bytes), -EINVAL);
	assert_int_equal(bytes, 42);
}

static void a_size_beyond_64_bits_is_out_of_range(void **state) {
	uint64_t bytes = 42;

	assert_int_equal(parse_size("18446744073709551616", &bytes), -ERANGE);
	assert_int_equal(parse_size("16777216T", &bytes), -ERANGE);
	assert_int_equal(parse_size("99999999999999999999999K", &bytes), -ERANGE);
	assert_int_equal(size_of("18446744073709551615"), UINT64_MAX);
	assert_int_equal(size_of("16777215T"), UINT64_C(16777215) << 40);
}

static void durations_carry_a_unit(void **state) {
	assert_int_equal(duration_of("0"), 0);
	assert_int_equal(duration_of("250us"), 250);
	assert_int_equal(duration_of("500ms"), 500000);
	assert_int_equal(duration_of("2s"), 2000000);
	assert_int_equal(duration_of("1min"), 60000000);
	assert_int_equal(duration_of("1h"), 3600000000);
}

static void a_duration_without_a_unit_is_rejected(void **state) {
	static const char *const texts[] = { "", "30", "1", "00", "1m", "1 s", "s", "-1s", "1d",
		"1.5s", "1sec", "infinity" };
	uint64_t usec = 42;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(parse_duration(texts[i], &usec), -EINVAL);
	assert_int_equal(parse_duration("99999999999999999999h", &usec), -ERANGE);
	assert_int_equal(parse_duration("18446744073709551615s", &usec), -ERANGE);
	assert_int_equal(usec, 42);
}

static void integers_are_read_as_a_whole(void **state) {
	uint64_t u = 42;
	int64_t i = 42;

	assert_int_equal(parse_u64("18446744073709551615", &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(parse_u64("1x", &u), -EINVAL);
	assert_int_equal(parse_u64("-1", &u), -EINVAL);
	assert_int_equal(parse_u64("", &u), -EINVAL);
	assert_int_equal(parse_i64("-1000", &i), 0);
	assert_int_equal(i, -1000);
	assert_int_equal(parse_i64("9223372036854775807", &i), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(parse_i64("9223372036854775808", &i), -ERANGE);
	assert_int_equal(parse_i64("--1", &i), -EINVAL);
	assert_int_equal(parse_i64("-", &i), -EINVAL);
	assert_true(i == INT64_MAX);
}

static void cpu_lists_become_bits(void **state) {
	uint64_t cpus[CPU_LIST_WORDS];

	assert_int_equal(parse_cpu_list("0-3,6", cpus), 0);
	assert_int_equal(cpus[0], 0x4f);
	assert_int_equal(parse_cpu_list("63-64", cpus), 0);
	assert_true(cpus[0] == UINT64_C(1) << 63);
	assert_int_equal(cpus[1], 1);
	assert_int_equal(parse_cpu_list("1023", cpus), 0);
	assert_true(cpus[15] == UINT64_C(1) << 63);
	assert_int_equal(parse_cpu_list("3,1-2,2", cpus), 0);
	assert_int_equal(cpus[0], 0xe);
}

static void a_malformed_cpu_list_leaves_the_bits_alone(void **state) {
	static const char *const texts[] = { "", ",", "1,", ",1", "1-", "-1", "3-2", "1--2", "a",
		"1 2", "1;2", "1-2-3" };
	uint64_t cpus[CPU_LIST_WORDS] = { 5 };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(parse_cpu_list(texts[i], cpus), -EINVAL);
	assert_int_equal(parse_cpu_list("1024", cpus), -ERANGE);
	assert_int_equal(parse_cpu_list("0-99999999999", cpus), -ERANGE);
	assert_int_equal(cpus[0], 5);
}

static void sizes_are_written_in_the_largest_exact_unit(void **state) {
	char buf[UNITS_TEXT_MAX];

	assert_string_equal(format_size(0, buf), "0");
	assert_string_equal(format_size(1000, buf), "1000");
	assert_string_equal(format_size(1024, buf), "1K");
	assert_string_equal(format_size(157286400, buf), "150M");
	assert_string_equal(format_size(UINT64_C(3) << 30, buf), "3G");
	assert_string_equal(format_size((UINT64_C(1) << 30) + 1024, buf), "1048577K");
	assert_string_equal(format_size(BYTES_UNLIMITED, buf), "unlimited");
}

static void rounded_sizes_have_at_most_one_decimal(void **state) {
	char buf[UNITS_TEXT_MAX];

	assert_string_equal(format_size_rounded(512, buf), "512");
	assert_string_equal(format_size_rounded(1536, buf), "1.5K");
	assert_string_equal(format_size_rounded(157286400, buf), "150M");
	assert_string_equal(format_size_rounded(BYTES_UNLIMITED, buf), "unlimited");
}

static void durations_are_written_in_the_largest_exact_unit(void **state) {
	char buf[UNITS_TEXT_MAX];

	assert_string_equal(format_duration(0, buf), "0");
	assert_string_equal(format_duration(1500000, buf), "1500ms");
	assert_string_equal(format_duration(60000000, buf), "1min");
	assert_string_equal(format_duration(7200000000, buf), "2h");
	assert_string_equal(format_duration(999, buf), "999us");
	assert_string_equal(format_duration(USEC_INFINITY, buf), "infinity");
}

static void what_is_written_is_read_back(void **state) {
	char buf[UNITS_TEXT_MAX];

	for (uint64_t bytes = 1; bytes < UINT64_MAX / 3; bytes *= 3) {
		uint64_t again = 0;

		assert_int_equal(parse_size(format_size(bytes, buf), &again), 0);
		assert_true(again == bytes);
		assert_int_equal(parse_duration(format_duration(bytes, buf), &again), 0);
		assert_true(again == bytes);
	}
}

static void cpu_lists_are_written_as_ranges(void **state) {
	char buf[CPU_LIST_TEXT_MAX];
	uint64_t cpus[CPU_LIST_WORDS] = { 0 };

	assert_string_equal(format_cpu_list(cpus, buf), "");
	assert_int_equal(parse_cpu_list("6,0-3,62-65,1023", cpus), 0);
	assert_string_equal(format_cpu_list(cpus, buf), "0-3,6,62-65,1023");
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(a_size_with_an_unknown_unit_is_rejected),
		cmocka_unit_test(a_size_beyond_64_bits_is_out_of_range),
		cmocka_unit_test(durations_carry_a_unit),
		cmocka_unit_test(a_duration_without_a_unit_is_rejected),
		cmocka_unit_test(integers_are_read_as_a_whole),
		cmocka_unit_test(cpu_lists_become_bits),
		cmocka_unit_test(a_malformed_cpu_list_leaves_the_bits_alone),
		cmocka_unit_test(sizes_are_written_in_the_largest_exact_unit),
		cmocka_unit_test(rounded_sizes_have_at_most_one_decimal),
		cmocka_unit_test(durations_are_written_in_the_largest_exact_unit),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(cpu_lists_are_written_as_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
