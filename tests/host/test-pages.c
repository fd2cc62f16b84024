/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Huge pages against a kernel that the test plays: writes to its files go through here, so that memory
 * may be short, fragmented, or in somebody else's hands.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/io.h"
#include "host/buddy.h"
#include "host/setting.h"
#include "support/tree.h"

#define POOL "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define NODE "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"

static const char buddyinfo[] =
	"Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3\n"
	"Node 0, zone   Normal      4      0      0      0      0      0      0      0      0      1      2\n"
	"Node 1, zone   Normal    512      0      0      0      0      0      0      0      0      3      0\n";

struct kernel {
	char *tree;
	unsigned long n_pages; /* in the pool */
	unsigned long n_blocks; /* free and large enough */
	unsigned long gains[8]; /* blocks that each compaction brings */
	size_t n_compactions, n_node_compactions, n_writes;
	unsigned long stolen; /* pages that somebody else gives back after each write */
};

static struct kernel *kernel;

int __real_write_line_file(const char *path, const char *text);
int __wrap_write_line_file(const char *path, const char *text);

static void show_pages(void) {
	char text[32];

	snprintf(text, sizeof(text), "%lu\n", kernel->n_pages);
	tree_write_text(kernel->tree, POOL, text);
	tree_write_text(kernel->tree, NODE, text);
}

static int write_pool(unsigned long wanted) {
	unsigned long missing = wanted > kernel->n_pages ? wanted - kernel->n_pages : 0;
	unsigned long found = missing < kernel->n_blocks ? missing : kernel->n_blocks;

	kernel->n_writes++;
	kernel->n_pages = missing ? kernel->n_pages + found : wanted;
	kernel->n_blocks -= found;
	kernel->n_pages -= kernel->stolen < kernel->n_pages ? kernel->stolen : kernel->n_pages;
	show_pages();
	return 0;
}

static int compact(size_t *count) {
	size_t n = kernel->n_compactions + kernel->n_node_compactions;

	kernel->n_blocks += n < ARRAY_LEN(kernel->gains) ? kernel->gains[n] : 0;
	(*count)++;
	return 0;
}

int __wrap_write_line_file(const char *path, const char *text) {
	const char *file = strrchr(path, '/');

	if (strcmp(file, "/nr_hugepages") == 0)
		return write_pool(strtoul(text, NULL, 10));
	if (strcmp(file, "/compact_memory") == 0)
		return compact(&kernel->n_compactions);
	if (strcmp(file, "/compact") == 0)
		return compact(&kernel->n_node_compactions);
	return __real_write_line_file(path, text);
}

static int setup(void **state) {
	kernel = calloc(1, sizeof(*kernel));
	kernel->tree = tree_new();
	tree_write_text(kernel->tree, "proc/meminfo", "MemFree: 1 kB\nMemAvailable: 1048576 kB\n");
	tree_write_text(kernel->tree, "proc/buddyinfo", buddyinfo);
	show_pages();
	return 0;
}

static int teardown(void **state) {
	tree_free(kernel->tree);
	free(kernel);
	return 0;
}

static unsigned long ask(const char *setting, const char *pages) {
	_cleanup_free_ char *actual = NULL;
	char reason[SETTING_REASON_MAX];

	assert_int_equal(setting_write(kernel->tree, setting, pages, reason), 0);
	assert_int_equal(setting_read(kernel->tree, setting, &actual), 0);
	return strtoul(actual, NULL, 10);
}

static void what_is_free_takes_one_write(void **state) {
	kernel->n_blocks = 100;
	assert_int_equal(ask("hugepages.2M", "64"), 64);
	assert_int_equal(kernel->n_writes, 1);
	assert_int_equal(kernel->n_compactions, 0);
}

static void fragmented_memory_is_compacted_while_that_brings_pages(void **state) {
	static const unsigned long gains[] = { 10, 20, 30 };

	kernel->n_blocks = 4;
	memcpy(kernel->gains, gains, sizeof(gains));
	assert_int_equal(ask("hugepages.2M", "64"), 64);
	assert_int_equal(kernel->n_compactions, 3);
}

static void the_first_compaction_may_follow_a_write_that_brought_nothing(void **state) {
	kernel->gains[0] = 64;
	assert_int_equal(ask("hugepages.2M", "64"), 64);
	assert_int_equal(kernel->n_compactions, 1);
}

static void without_progress_it_gives_up(void **state) {
	kernel->n_blocks = 4;
	kernel->gains[0] = 6;
	kernel->gains[3] = 64; /* never reached: two rounds in vain are no promise of a third */
	assert_int_equal(ask("hugepages.2M", "64"), 10);
	assert_int_equal(kernel->n_compactions, 2);
}

static void a_node_is_compacted_alone(void **state) {
	kernel->gains[0] = 64;
	assert_int_equal(ask("hugepages.2M.node1", "64"), 64);
	assert_int_equal(kernel->n_compactions, 0);
	assert_int_equal(kernel->n_node_compactions, 1);
}

static void somebody_who_takes_pages_back_ends_the_rounds(void **state) {
	kernel->n_blocks = 1000000;
	kernel->stolen = 64;
	assert_int_equal(ask("hugepages.2M", "64"), 0);
	assert_in_range(kernel->n_writes, 1, 4);
}

static void more_than_is_available_is_not_asked_for(void **state) {
	char reason[SETTING_REASON_MAX];

	kernel->n_blocks = 1000000;
	assert_int_equal(setting_write(kernel->tree, "hugepages.2M", "481", reason), -ENOMEM);
	assert_int_equal(kernel->n_writes, 0);
	assert_non_null(strstr(reason, "481 more pages of 2M"));
	assert_non_null(strstr(reason, "can spare 480 pages"));
	assert_int_equal(
		setting_write(kernel->tree, "hugepages.2M", "1073741824", reason), -ENOMEM);
	assert_int_equal(kernel->n_writes, 0);
	assert_int_equal(ask("hugepages.2M", "480"), 480);
}

static void giving_back_is_always_possible(void **state) {
	kernel->n_pages = 1000000;
	show_pages();
	assert_int_equal(ask("hugepages.2M", "600000"), 600000);
	assert_int_equal(ask("hugepages.2M", "0"), 0);
}

static void a_shortfall_is_told_node_by_node(void **state) {
	char reason[SETTING_REASON_MAX];

	kernel->n_pages = 61;
	show_pages();
	setting_explain_short(kernel->tree, "hugepages.2M.node1", "75", "61", reason);
	assert_non_null(strstr(reason, "found 61 of 75, 14 are missing"));
	assert_non_null(strstr(reason, "node1 has 61, and 8.0M free with room for 3"));
	assert_null(strstr(reason, "node0"));
	assert_null(strstr(reason, "compact_unevictable"));
	tree_write_text(kernel->tree, "proc/sys/vm/compact_unevictable_allowed", "0\n");
	setting_explain_short(kernel->tree, "hugepages.2M.node1", "75", "61", reason);
	assert_non_null(strstr(reason, "vm.compact_unevictable_allowed is 0"));
}

static void free_blocks_are_counted_in_pages_of_the_size(void **state) {
	struct buddy_free f;

	assert_int_equal(buddy_parse(buddyinfo, 0, 2u << 20, 4096, &f), 0);
	/* 1 of 2M and 3 of 4M in DMA, 1 of 2M and 2 of 4M in Normal */
	assert_int_equal(f.n_blocks, 1 + 6 + 1 + 4);
	assert_int_equal(f.bytes,
		(1u << 20) + (2u << 20) + (12u << 20) + 4 * 4096 + (2u << 20) + (8u << 20));
	assert_int_equal(buddy_parse(buddyinfo, 1, 1u << 30, 4096, &f), 0);
	assert_int_equal(f.n_blocks, 0);
	assert_int_equal(buddy_parse(buddyinfo, 2, 2u << 20, 4096, &f), -ENOENT);
	assert_int_equal(buddy_parse("Node x\nNode 1, zone\n\n", 1, 4096, 4096, &f), -ENOENT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	static const struct CMUnitTest tests[] = {
		CASE(what_is_free_takes_one_write),
		CASE(fragmented_memory_is_compacted_while_that_brings_pages),
		CASE(the_first_compaction_may_follow_a_write_that_brought_nothing),
		CASE(without_progress_it_gives_up),
		CASE(a_node_is_compacted_alone),
		CASE(somebody_who_takes_pages_back_ends_the_rounds),
		CASE(more_than_is_available_is_not_asked_for),
		CASE(giving_back_is_always_possible),
		CASE(a_shortfall_is_told_node_by_node),
		CASE(free_blocks_are_counted_in_pages_of_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
