/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Heaps that aren't the usual one: of jemalloc and mimalloc, of huge pages; and how a large one is made
 * present. Huge pages are reserved for the time of a test, and given back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io.h"
#include "common/names.h"
#include "host/allocator-library.h"
#include "init-fixture.h"

#define HUGE_PAGE   (2 * MIB)
#define HUGE_FILE   "/proc/sys/vm/nr_hugepages"
#define FAULTS_FEW  200 /* of an allocator's own notes, and of stacks, where nothing is locked */
#define FAULTS_MANY 2000

static void add_setting(struct plan *p, const char *text, char separator) {
	add_step(p, STEP_ENV_MERGE, text, separator, 0, 0);
}

/* As the launch plan of libpolicy has them. False: not installed. */
static bool add_allocator(struct plan *p, const struct init_order *o) {
	char path[PATH_MAX];

	if (allocator_library_find((enum heap_allocator)o->allocator, path) < 0)
		return false;
	add_protection(p, fixture_library(), o);
	add_text(p, STEP_PRELOAD, path);
	add_setting(p,
		"MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,"
		"lg_extent_max_active_fit:63,narenas:4",
		',');
	add_setting(p, "MIMALLOC_ALLOW_DECOMMIT=0", '\0');
	add_setting(p, "MIMALLOC_PURGE_DELAY=-1", '\0');
	add_setting(p, "MIMALLOC_RESERVE_OS_MEMORY=163840K", '\0');
	return true;
}

static int64_t faults_of_workers(const struct init_order *order, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	if (!add_allocator(&p, order))
		skip();
	add_command(&p, fixture_program("workers"), "3", "8", "25", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
	assert_counted(o);
	assert_int_equal(output_number(o, "failed"), 0);
	return output_number(o, "faults");
}

static void check_allocator(enum init_allocator allocator, const char *library) {
	struct init_order order = strict_order();
	const struct report *r;
	struct outcome o;

	order.allocator = allocator;
	order.arenas = 0;
	order.heap_prealloc_bytes = 128 * MIB;
	assert_int_equal(faults_of_workers(&order, &o), 0);
	r = assert_prepared(&o);
	assert_int_equal(r->heap_bytes, 128 * MIB);
	assert_says(r->malloc_owner, library);
	assert_true(r->locked_bytes >= 128 * MIB);
	assert_true(r->unlocked_bytes <= UNLOCKABLE_MAX);
	/* no lock makes new memory present here: it is what was prepared that they use */
	order.lock = INIT_LOCK_NONE;
	assert_true(faults_of_workers(&order, &o) < FAULTS_FEW);
	order.heap_prealloc_bytes = 0;
	assert_true(faults_of_workers(&order, &o) > FAULTS_MANY);
}

static void threads_of_a_jemalloc_program_stay_within_its_prealloc(void **state) {
	check_allocator(INIT_ALLOCATOR_JEMALLOC, "libjemalloc.so.2");
}

static void threads_of_a_mimalloc_program_stay_within_its_prealloc(void **state) {
	check_allocator(INIT_ALLOCATOR_MIMALLOC, "libmimalloc.so.2");
}

static void assert_closed(const struct outcome *o, const char *step, const char *text) {
	const struct report *r = find_report(o, REPORT_INIT_FAILED);

	assert_int_equal(o->status, EXIT_LAUNCH_FAILED);
	assert_non_null(r);
	assert_string_equal(r->step, step);
	assert_says(r->text, text);
}

static void another_malloc_than_the_one_wanted_closes(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.allocator = INIT_ALLOCATOR_JEMALLOC;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_closed(&o, "allocator", "malloc of this program belongs to libc.so.6");
}

static void an_allocator_that_the_user_told_to_give_back_closes(void **state) {
	static const struct {
		enum init_allocator allocator;
		const char *setting, *text;
	} rows[] = {
		{ INIT_ALLOCATOR_JEMALLOC, "MALLOC_CONF=dirty_decay_ms:0", "dirty_decay_ms:0" },
		{ INIT_ALLOCATOR_MIMALLOC, "MIMALLOC_ALLOW_DECOMMIT=1", "MIMALLOC_" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct init_order order = strict_order();
		_cleanup_plan_ struct plan p = { 0 };
		struct outcome o;

		order.allocator = rows[i].allocator;
		add_text(&p, STEP_ENV_SET, rows[i].setting);
		add_text(&p, STEP_ENV_SET, "MIMALLOC_PURGE_DELAY=10");
		if (!add_allocator(&p, &order))
			skip();
		add_command(&p, "/bin/true", NULL);
		fixture_run(&p, WITH_SOCKET, NULL, &o);
		assert_closed(&o, "allocator", rows[i].text);
	}
}

static void children_of_it_have_the_callers_environment(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.allocator = INIT_ALLOCATOR_JEMALLOC;
	add_text(&p, STEP_ENV_CLEAR, NULL);
	add_text(&p, STEP_ENV_SET, "MALLOC_CONF=tcache:false");
	if (!add_allocator(&p, &order))
		skip();
	add_command(&p, "/bin/sh", "-c", "/usr/bin/env", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_prepared(&o);
	assert_says(o.out, "MALLOC_CONF=tcache:false\n");
	assert_null(strstr(o.out, "MIMALLOC"));
	assert_null(strstr(o.out, "LD_PRELOAD"));
	assert_null(strstr(o.out, "RTMEM_"));
}

/* ---- huge pages -------------------------------------------------------------------------------- */

static uint64_t huge_before;

static uint64_t huge_pages(void) {
	char text[32];

	return read_line_file(HUGE_FILE, text, sizeof(text)) == 0 ? strtoull(text, NULL, 10) : 0;
}

static bool set_huge_pages(uint64_t n) {
	FILE *f = fopen(HUGE_FILE, "we");

	if (!f)
		return false;
	fprintf(f, "%llu\n", (unsigned long long)n);
	return fclose(f) == 0 && huge_pages() == n;
}

static int remember_huge_pages(void **state) {
	huge_before = huge_pages();
	return 0;
}

static int restore_huge_pages(void **state) {
	return set_huge_pages(huge_before) ? 0 : -1;
}

static struct init_order huge_order(void) {
	struct init_order order = strict_order();

	order.heap_prealloc_bytes = 32 * MIB;
	order.heap_page_bytes = HUGE_PAGE;
	return order;
}

static void run_huge(const struct init_order *order, struct outcome *o) {
	_cleanup_plan_ struct plan p = { 0 };

	add_text(&p, STEP_TUNABLE, "glibc.malloc.hugetlb=2097152");
	add_protection(&p, fixture_library(), order);
	add_command(&p, fixture_program("workers"), "3", "8", "25", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, o);
}

static void a_heap_of_huge_pages_is_seen_in_smaps(void **state) {
	struct init_order order = huge_order();
	const struct report *r;
	struct outcome o;

	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK) < 0 ||
		!set_huge_pages(huge_before + 24))
		skip();
	run_huge(&order, &o);
	assert_counted(&o);
	r = assert_prepared(&o);
	assert_int_equal(r->heap_page_bytes, HUGE_PAGE);
	assert_int_equal(r->heap_bytes, 32 * MIB);
	assert_int_equal(output_number(&o, "faults"), 0);
	assert_true(r->unlocked_bytes <= UNLOCKABLE_MAX);
	assert_true(r->locked_bytes < 32 * MIB); /* huge pages aren't locked memory */
}

static void too_few_huge_pages_close_with_the_number_to_reserve(void **state) {
	struct init_order order = huge_order();
	struct outcome o;

	if (huge_before > 0)
		skip(); /* somebody's own */
	run_huge(&order, &o);
	assert_closed(
		&o, "heap-pages", "the heap takes 17 huge pages of 2M, and 0 are free: reserve 17");
	assert_says(o.err, "hugepages: { 2M: 17 }");
}

static void or_it_falls_back_and_says_so(void **state) {
	struct init_order order = huge_order();
	const struct report *note;
	struct outcome o;

	if (huge_before > 0)
		skip();
	order.heap_page_fallback = true;
	run_huge(&order, &o);
	assert_counted(&o);
	assert_int_equal(assert_prepared(&o)->heap_page_bytes, 0);
	assert_int_equal(output_number(&o, "faults"), 0);
	note = find_report(&o, REPORT_EXEC_NOTE);
	assert_non_null(note);
	assert_string_equal(note->step, "heap-pages");
	assert_says(note->text, "0 are free");
}

/* ---- prefault ---------------------------------------------------------------------------------- */

static void helpers_of_the_prefault_are_gone_before_main(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 64 * MIB;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/bin/grep", "-E", "Threads|SigBlk|VmLck", "/proc/self/status", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	assert_int_equal(assert_prepared(&o)->heap_bytes, 64 * MIB);
	assert_says(o.out, "Threads:\t1\n");
	assert_says(o.out, "SigBlk:\t0000000000000000\n");
}

/* A kernel that can't populate, a filter that allows no helper: it takes longer, that is all. */
static void what_the_kernel_refuses_is_done_another_way(void **state) {
	static const char *const refused[] = { "populate", "clone" };
	char deny[PATH_MAX];

	snprintf(deny, sizeof(deny), "%s", fixture_program("deny"));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *const wrapper[] = { deny, refused[i], NULL };
		struct init_order order = strict_order();
		_cleanup_plan_ struct plan p = { 0 };
		struct outcome o;

		order.heap_prealloc_bytes = 64 * MIB;
		add_protection(&p, fixture_library(), &order);
		add_command(&p, fixture_program("workers"), "3", "8", "25", NULL);
		fixture_run(&p, WITH_SOCKET, wrapper, &o);
		assert_counted(&o);
		assert_int_equal(assert_prepared(&o)->heap_bytes, 64 * MIB);
		assert_int_equal(output_number(&o, "faults"), 0);
	}
}

static void what_the_machine_shall_keep_is_kept(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	struct outcome o;

	order.heap_prealloc_bytes = 16 * MIB;
	order.host_reserve_bytes = UINT64_C(1) << 50;
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_closed(&o, "heap", "16.0M needed, MemAvailable ");
	assert_says(o.err, "memory.host_reserve keeps 1024T");
}

static uint64_t available_bytes(void) {
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (read_file("/proc/meminfo", 65536, &text, NULL) < 0)
		return 0;
	line = strstr(text, "MemAvailable:");
	return line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) << 10 : 0;
}

/* On one CPU, and only where that took more than a second: a fast machine is no failure. */
static void a_long_prefault_tells_how_far_it_is(void **state) {
	struct init_order order = strict_order();
	_cleanup_plan_ struct plan p = { 0 };
	uint64_t before = 0;
	size_t told = 0;
	struct outcome o;

	order.heap_prealloc_bytes = 3072 * MIB;
	if (available_bytes() < 2 * order.heap_prealloc_bytes)
		skip();
	add_text(&p, STEP_AFFINITY, "0");
	/* what is mapped already isn't needed once more */
	add_step(&p, STEP_RLIMIT, NULL, RLIMIT_DATA, (int64_t)(4096 * MIB), (int64_t)(4096 * MIB));
	add_protection(&p, fixture_library(), &order);
	add_command(&p, "/bin/true", NULL);
	fixture_run(&p, WITH_SOCKET, NULL, &o);
	assert_started(&o);
	for (size_t i = 0; i < o.n_reports; i++) {
		if (o.reports[i].kind != REPORT_PROGRESS)
			continue;
		told++;
		assert_says(o.reports[i].text, " % of 3.0G");
		assert_true(o.reports[i].heap_bytes > before);
		before = o.reports[i].heap_bytes;
	}
	if (o.reports[o.n_reports - 1].init_usec < 1100000)
		skip();
	assert_true(told > 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_of_a_jemalloc_program_stay_within_its_prealloc),
		cmocka_unit_test(threads_of_a_mimalloc_program_stay_within_its_prealloc),
		cmocka_unit_test(another_malloc_than_the_one_wanted_closes),
		cmocka_unit_test(an_allocator_that_the_user_told_to_give_back_closes),
		cmocka_unit_test(children_of_it_have_the_callers_environment),
		cmocka_unit_test_setup_teardown(a_heap_of_huge_pages_is_seen_in_smaps,
			remember_huge_pages, restore_huge_pages),
		cmocka_unit_test_setup_teardown(too_few_huge_pages_close_with_the_number_to_reserve,
			remember_huge_pages, restore_huge_pages),
		cmocka_unit_test_setup_teardown(
			or_it_falls_back_and_says_so, remember_huge_pages, restore_huge_pages),
		cmocka_unit_test(helpers_of_the_prefault_are_gone_before_main),
		cmocka_unit_test(what_the_kernel_refuses_is_done_another_way),
		cmocka_unit_test(what_the_machine_shall_keep_is_kept),
		cmocka_unit_test(a_long_prefault_tells_how_far_it_is),
	};

	if (geteuid() != 0) {
		puts("skipped: locking without limit needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
