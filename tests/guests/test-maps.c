/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk over this process's own mappings, by query and by text: both must see the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "libinit/guard.h"

struct row {
	const char *line;
	bool valid;
	struct mapping wanted;
};

static const struct row rows[] = {
	{ "55d0-55e0 rw-p 00000000 00:00 0                  [heap]", true,
		{ 0x55d0, 0x55e0, true, true, false, true } },
	{ "7f00-8f00 ---p 00000000 00:00 0", true, { 0x7f00, 0x8f00, false, false, false, true } },
	{ "1000-2000 r-xp 00001000 fe:01 1234 /usr/lib/libc.so.6", true,
		{ 0x1000, 0x2000, true, false, false, false } },
	{ "1000-2000 rw-s 00000000 00:05 77 /memfd:x (deleted)", true,
		{ 0x1000, 0x2000, true, true, true, false } },
	{ "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]", true,
		{ 0xffffffffff600000, 0xffffffffff601000, false, false, false, true } },
	{ "", false, { 0 } },
	{ "1000", false, { 0 } },
	{ "1000-2000", false, { 0 } },
	{ "1000-2000 rw-", false, { 0 } },
	{ "1000-2000 rw-p 0", false, { 0 } },
	{ "what is this", false, { 0 } },
};

static bool same(const struct mapping *a, const struct mapping *b) {
	return a->start == b->start && a->end == b->end && a->readable == b->readable &&
		a->writable == b->writable && a->shared == b->shared &&
		a->anonymous == b->anonymous;
}

static void a_line_says_what_a_mapping_is(void **state) {
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mapping m;

		assert_int_equal(maps_parse_line(rows[i].line, &m), rows[i].valid);
		if (rows[i].valid && !same(&m, &rows[i].wanted))
			fail_msg("%s", rows[i].line);
	}
}

/* Names far longer than the buffer lie between the mappings that are looked for. */
static void map_long_names(void) {
	char directory[] = "/tmp/rtmem-maps-XXXXXX", cwd[4096], name[250];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_non_null(mkdtemp(directory));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(chdir(directory), 0);
	for (int depth = 0; depth < 15; depth++) {
		FILE *f = fopen(name, "w+e");

		assert_non_null(f);
		assert_true(fputc('x', f) == 'x' && fflush(f) == 0);
		assert_true(mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fileno(f), 0) != MAP_FAILED);
		fclose(f);
		(void)unlink(name);
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			break;
	}
	for (int depth = 0; depth < 15 && chdir("..") == 0; depth++)
		if (rmdir(name) < 0)
			break;
	assert_int_equal(chdir(cwd), 0);
	(void)rmdir(directory);
}

static size_t walk(bool as_text, struct mapping *found, size_t max) {
	uintptr_t at = 0;
	struct maps m;
	size_t n = 0;

	assert_int_equal(maps_open(&m), 0);
	m.as_text = as_text;
	for (; n < max && maps_find(&m, at, &found[n]); n++)
		at = found[n].end;
	maps_close(&m);
	return n;
}

static void query_and_text_see_the_same(void **state) {
	static struct mapping by_query[4096], by_text[4096];
	size_t n_query, n_text;

	map_long_names();
	n_text = walk(true, by_text, ARRAY_LEN(by_text));
	n_query = walk(false, by_query, ARRAY_LEN(by_query));
	assert_true(n_text > 10 && n_text < ARRAY_LEN(by_text));
	for (size_t i = 0; i < n_query && i < n_text; i++)
		if (!same(&by_query[i], &by_text[i]))
			fail_msg("%zu: %lx-%lx, %lx-%lx", i, by_query[i].start, by_query[i].end,
				by_text[i].start, by_text[i].end);
	/* the page of the kernel at the end of the text is no mapping of the process */
	assert_true(n_text == n_query || n_text == n_query + 1);
}

static void an_address_finds_its_mapping_or_the_next(void **state) {
	char *p = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mapping found;

	assert_int_equal(mprotect(p + 4096, 4096, PROT_NONE), 0);
	for (int text = 0; text < 2; text++) {
		struct maps m;

		assert_int_equal(maps_open(&m), 0);
		m.as_text = text;
		assert_true(maps_find(&m, (uintptr_t)p + 5000, &found));
		assert_int_equal(found.start, (uintptr_t)p + 4096);
		assert_int_equal(found.end, (uintptr_t)p + 8192);
		assert_false(found.readable);
		maps_close(&m);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_what_a_mapping_is),
		cmocka_unit_test(query_and_text_see_the_same),
		cmocka_unit_test(an_address_finds_its_mapping_or_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
