/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a launch tells malloc, for each allocator and runtime, and what the plan says about it. */
#include <errno.h>

#include "libpolicy/launch-notes.h"
#include "tests/libpolicy/parse.h"

#define LIBRARY "/usr/lib/rtmem/librtmem-init.so"

static struct launch_facts facts(void) {
	return (struct launch_facts){
		.capabilities_effective = UINT64_MAX,
		.init_library = LIBRARY,
		.target_known = true,
		.target = { .glibc = true },
		.report_fd = -1,
	};
}

static int make(const char *memory, const struct launch_facts *f, struct plan *ret,
	struct launch_problem *problem, struct launch_notes *notes) {
	_cleanup_policy_set_ struct policy_set *set = NULL;
	char text[512];
	int r;

	snprintf(text, sizeof(text),
		VERSION_LINE "processes:\n  a:\n    command: [/bin/a, -Xint]\n    memory: %s\n",
		memory);
	set = parse_good(text);
	r = launch_plan(&set->processes[0], f, ret, problem);
	launch_notes(&set->processes[0], f, notes);
	return r;
}

/* The first step of this kind whose text begins so. */
static const struct step *find(const struct plan *p, enum step_kind kind, const char *text) {
	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].kind == kind && strncmp(p->steps[i].text, text, strlen(text)) == 0)
			return &p->steps[i];
	return NULL;
}

struct row {
	const char *memory;
	const char *settings[8]; /* of the program's environment */
	const char *tunable; /* of glibc, that has to be there */
	const char *note;
};

static const struct row wanted_rows[] = {
	{ "{ heap: { prealloc: 64M } }", { NULL }, "glibc.malloc.arena_max=1",
		"glibc with one arena" },
	{ "{ heap: { prealloc: 64M, arenas: 4 } }", { NULL }, "glibc.malloc.arena_max=4",
		"glibc with 4 arenas" },
	{ "{ heap: { prealloc: 64M, pages: 2M } }", { NULL }, "glibc.malloc.hugetlb=2097152",
		"glibc with one arena" },
	{ "{ heap: { pages: 1G } }", { NULL }, "glibc.malloc.hugetlb=1073741824",
		"glibc with one arena" },
	{ "{ heap: { allocator: jemalloc } }",
		{ "MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1" }, NULL,
		"jemalloc (/lib/other.so)" },
	{ "{ heap: { allocator: jemalloc, arenas: 2 } }", { "MALLOC_CONF=dirty_decay_ms:-1" }, NULL,
		"divided among its arenas" },
	{ "{ heap: { allocator: mimalloc, prealloc: 64M } }",
		{ "MIMALLOC_ALLOW_DECOMMIT=0", "MIMALLOC_PURGE_DELAY=-1",
			"MIMALLOC_RESERVE_OS_MEMORY=98304K" },
		NULL, "at least one segment of 32M" },
};

static void check_row(const struct row *row, const struct launch_facts *f, bool preloads) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launch_problem problem;
	struct launch_notes notes;

	assert_int_equal(make(row->memory, f, &p, &problem, &notes), 0);
	for (size_t i = 0; row->settings[i]; i++)
		assert_non_null(find(&p, STEP_ENV_MERGE, row->settings[i]));
	if (!row->settings[0])
		assert_null(find(&p, STEP_ENV_MERGE, ""));
	if (row->tunable)
		assert_non_null(find(&p, STEP_TUNABLE, row->tunable));
	else
		assert_null(find(&p, STEP_TUNABLE, "glibc.malloc"));
	assert_int_equal(preloads, find(&p, STEP_PRELOAD, "/lib/other.so") != NULL);
	assert_true(notes.n > 0);
	assert_non_null(strstr(notes.text[notes.n - 1], row->note));
}

static void the_allocator_that_the_policy_names_is_loaded_and_told(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(wanted_rows); i++) {
		struct launch_facts f = facts();

		f.allocator_library = "/lib/other.so";
		check_row(&wanted_rows[i], &f, !wanted_rows[i].tunable);
	}
}

static void our_library_comes_before_the_allocator(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launch_facts f = facts();
	struct launch_problem problem;
	struct launch_notes notes;

	f.allocator_library = "/lib/other.so";
	assert_int_equal(make("{ heap: { allocator: jemalloc } }", &f, &p, &problem, &notes), 0);
	assert_true(find(&p, STEP_PRELOAD, LIBRARY) < find(&p, STEP_PRELOAD, "/lib/other.so"));
}

static void a_missing_allocator_is_refused_with_its_package(void **state) {
	static const char *const rows[][2] = {
		{ "{ heap: { allocator: jemalloc } }", "libjemalloc2" },
		{ "{ heap: { allocator: mimalloc } }", "libmimalloc2.0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_plan_ struct plan p = { 0 };
		struct launch_facts f = facts();
		struct launch_problem problem;
		struct launch_notes notes;

		assert_int_equal(make(rows[i][0], &f, &p, &problem, &notes), -ENOENT);
		assert_string_equal(problem.key, "memory.heap.allocator");
		assert_non_null(strstr(problem.text, rows[i][1]));
	}
}

static void the_allocator_of_the_program_is_told_too(void **state) {
	static const struct {
		enum preflight_allocator allocator;
		struct row row;
	} rows[] = {
		{ PREFLIGHT_ALLOCATOR_JEMALLOC,
			{ "{ heap: { prealloc: 64M } }", { "MALLOC_CONF=" },
				"glibc.malloc.arena_max=1", "linked with jemalloc" } },
		{ PREFLIGHT_ALLOCATOR_MIMALLOC,
			{ "{ heap: { prealloc: 64M } }", { "MIMALLOC_RESERVE_OS_MEMORY=98304K" },
				"glibc.malloc.arena_max=1", "linked with mimalloc" } },
		{ PREFLIGHT_ALLOCATOR_TCMALLOC,
			{ "{ lock: balanced }", { "TCMALLOC_RELEASE_RATE=0" },
				"glibc.malloc.arena_max=1", "TCMALLOC_RELEASE_RATE" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct launch_facts f = facts();

		f.target.allocator = rows[i].allocator;
		check_row(&rows[i].row, &f, false);
	}
}

static void a_runtime_is_told_what_it_documents(void **state) {
	static const struct {
		enum preflight_runtime runtime;
		struct row row;
	} rows[] = {
		{ RUNTIME_JVM,
			{ "{ heap: { prealloc: 64M } }",
				{ "JDK_JAVA_OPTIONS=-XX:+AlwaysPreTouch -Xms64m" },
				"glibc.malloc.arena_max=1", "the JVM has a heap of its own" } },
		{ RUNTIME_GO,
			{ "{ heap: { prealloc: 64M } }", { NULL }, "glibc.malloc.arena_max=1",
				"GOMEMLIMIT" } },
		{ RUNTIME_V8,
			{ "{ lock: balanced }", { NULL }, "glibc.malloc.arena_max=1", "Node.js" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct launch_facts f = facts();

		f.target.runtime = rows[i].runtime;
		check_row(&rows[i].row, &f, false);
	}
}

static void without_lock_and_heap_nothing_is_said(void **state) {
	_cleanup_plan_ struct plan p = { 0 };
	struct launch_facts f = facts();
	struct launch_problem problem;
	struct launch_notes notes;

	f.target.allocator = PREFLIGHT_ALLOCATOR_JEMALLOC;
	f.target.runtime = RUNTIME_JVM;
	assert_int_equal(make("{ lock: none }", &f, &p, &problem, &notes), 0);
	assert_null(find(&p, STEP_ENV_MERGE, ""));
	assert_int_equal(notes.n, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_allocator_that_the_policy_names_is_loaded_and_told),
		cmocka_unit_test(our_library_comes_before_the_allocator),
		cmocka_unit_test(a_missing_allocator_is_refused_with_its_package),
		cmocka_unit_test(the_allocator_of_the_program_is_told_too),
		cmocka_unit_test(a_runtime_is_told_what_it_documents),
		cmocka_unit_test(without_lock_and_heap_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
